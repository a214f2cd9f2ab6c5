WITH
delivered AS (
    SELECT
        *,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN file_date END AS untimed_on,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN concat_ws(' ', end_time, init_time, duration_min) END AS untimed_as
    FROM raw.lab_sessions
)
SELECT
    user_id,
    course_id,
    course_name,
    assignment_id,
    assignment_name,
    part_id,
    part_name,
    lab_type,
    file_date,
    untimed_on,
    untimed_as,
    launch_time,
    start_time,
    init_time,
    end_time,
    duration_min AS minutes_delivered,
    launch_to_ready_duration_mins AS launch_to_ready_minutes_delivered,
    end_reason,
    concurrent_labs_count AS concurrent_labs,
    disconnects,
    latency_time_ms AS latency_ms
FROM delivered
QUALIFY row_number() OVER (
    PARTITION BY user_id, course_id, part_id, launch_time, start_time, untimed_on, untimed_as
    ORDER BY
        end_time DESC NULLS LAST, file_date DESC, init_time DESC NULLS LAST, assignment_id, lab_type,
        duration_min, launch_to_ready_duration_mins, end_reason, concurrent_labs_count, disconnects, latency_time_ms,
        course_name, assignment_name, part_name
) = 1
