-- Every lab session once, even if two days' files list it. A session delivered for two courses is a row of each. A failed launch
-- is a session that never started. A session counts for at most 31 days, here and wherever hours, days or concurrent sessions are
-- counted, as a longer one is a clock error.
-- by day: session_date
SELECT
    md5(
        user_id::VARCHAR || '|' || course_id::VARCHAR || '|' || part_id::VARCHAR || '|' || coalesce(launch_time::VARCHAR, '')
        || '|' || coalesce(start_time::VARCHAR, '') || '|' || coalesce(untimed_on::VARCHAR, '') || coalesce(untimed_as, '')
    ) AS session_id, -- Stable across loads: a hash of user, course, part, launch and start, and of the other times and minutes if it has neither.
    session_date, -- UTC day of the start, else of the launch, else of the file.
    user_id, -- Vocareum id of the user. -> marts.student_course_summary
    course_id, -- Vocareum id of the course, as delivered. -> marts.course_summary
    course_name, -- Name of the course.
    assignment_id, -- Vocareum id of the assignment, as delivered. -> staging.assignments, unless neither a mapping nor grades list the assignment.
    assignment_name, -- Name of the assignment.
    part_id, -- Vocareum id of the part. -> marts.part_lineage, unless no mapping lists the part.
    part_name, -- Name of the part.
    lab_type, -- Kind of lab: Cloud, Container, Databricks, VM; the list grows.
    launch_time, -- When Start Lab was clicked (UTC).
    start_time, -- When the machine was started (UTC); NULL if the launch failed.
    init_time, -- When the lab was ready to use (UTC).
    end_time, -- When the lab was ended (UTC); NULL while it is open, also if the delivered end is far in the future.
    CASE WHEN end_time IS NOT NULL THEN least(end_time, coalesce(start_time, launch_time, session_date) + INTERVAL 31 DAY) END AS counted_end, -- End up to which the session counts (UTC): end_time, but at most 31 days after the start; without a start, after the launch.
    CASE WHEN lasted > 31 * 24 * 60 THEN 31 * 24 * 60 ELSE lasted END::DECIMAL(18, 6) AS minutes, -- Minutes from start to counted_end, recomputed. If one of these is missing: as delivered, but at most 31 days; NULL if no minutes are delivered.
    coalesce(lasted > 31 * 24 * 60, false) OR coalesce(end_time > counted_end, false) AS is_capped, -- Whether the session lasted longer than 31 days by its times or minutes, so that it counts for 31 days only.
    minutes_delivered, -- Minutes as delivered.
    CASE
        WHEN init_time >= launch_time THEN date_diff('second', launch_time, init_time)
    END AS launch_to_ready_seconds, -- Seconds from launch to ready, recomputed; NULL if one is missing or they are in the wrong order.
    round(launch_to_ready_minutes_delivered * 60, 3)::DECIMAL(18, 3) AS launch_to_ready_seconds_delivered, -- Seconds from launch to ready, as delivered (in minutes).
    start_time IS NOT NULL AND end_reason IS DISTINCT FROM 'Start Failed' AS succeeded, -- Whether the machine started: a start is delivered, and the log reports no failed start.
    greatest(
        session_date,
        CASE
            WHEN counted_end IS NOT NULL THEN (counted_end - INTERVAL 1 MICROSECOND)::DATE
            WHEN succeeded THEN least(file_date, session_date + 31)
        END
    ) AS last_day, -- Last UTC day on which the session is known to have run: that of counted_end; without an end, that of the newest file that lists it as open, but at most 31 days after the start.
    end_reason, -- Why it ended: Session Timer Expires, User Ended Lab, Instructor Ended Lab, Start Failed, other; NULL if the log has no end.
    concurrent_labs, -- Labs that the user already had running at launch. Do not sum: marts.lab_concurrency_hourly has concurrent sessions.
    disconnects, -- How often the user was disconnected.
    latency_ms -- Estimated latency of the user's connection, in milliseconds.
FROM (
    SELECT *, coalesce((date_diff('second', start_time, end_time) / 60)::DECIMAL(18, 6), minutes_delivered) AS lasted
    FROM staging.lab_sessions
)
