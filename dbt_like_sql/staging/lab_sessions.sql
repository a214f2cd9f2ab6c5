-- Lab sessions, each once, without emails, tags and the log's free text.
-- User, course, part, launch and start identify a session. Without launch and start, the file's day, the other times and the
-- duration replace them. A session delivered for two courses, which may share parts, is a session of each. If two days' files
-- list a session, as over midnight, take the row with the latest end, then the one from the later file.
-- by day: session_date
SELECT
    user_id, -- Vocareum id of the user.
    course_id, -- Vocareum id of the course, as delivered.
    course_name, -- Name of the course.
    assignment_id, -- Vocareum id of the assignment, as delivered.
    assignment_name, -- Name of the assignment.
    part_id, -- Vocareum id of the part.
    part_name, -- Name of the part.
    lab_type, -- Kind of lab: Cloud, Container, Databricks, VM; the list grows.
    file_date, -- UTC day of the file that the row comes from.
    session_date, -- UTC day of the start, else of the launch, else of the file.
    untimed_on, -- The file's day, if the session has neither launch nor start; part of its identity.
    untimed_as, -- End, ready time and minutes of such a session as one text; part of its identity.
    launch_time, -- When Start Lab was clicked (UTC).
    start_time, -- When the machine was started (UTC); NULL if the launch failed.
    init_time, -- When the lab was ready to use (UTC).
    end_time, -- When the lab was ended (UTC); NULL while it is open, also if the delivered end is far in the future.
    minutes_delivered, -- Length in minutes, as delivered.
    launch_to_ready_minutes_delivered, -- Minutes from launch to ready, as delivered.
    end_reason, -- Why it ended, from a fixed list: Session Timer Expires, User Ended Lab, Instructor Ended Lab, Start Failed, other; NULL if the log has no end.
    concurrent_labs, -- Labs that the user already had running at launch.
    disconnects, -- How often the user was disconnected.
    latency_ms -- Estimated latency of the user's connection, in milliseconds.
FROM staging.lab_session_rows
QUALIFY row_number() OVER (
    -- session_date follows from the others; with it, DuckDB reads only the days that it is asked for.
    PARTITION BY session_date, user_id, course_id, part_id, launch_time, start_time, untimed_on, untimed_as
    ORDER BY
        end_time DESC NULLS LAST, file_date DESC, init_time DESC NULLS LAST, assignment_id, lab_type,
        minutes_delivered, launch_to_ready_minutes_delivered, end_reason, concurrent_labs, disconnects, latency_ms,
        course_name, assignment_name, part_name
) = 1
