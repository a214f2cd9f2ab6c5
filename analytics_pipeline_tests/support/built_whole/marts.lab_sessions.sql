SELECT
    md5(
        user_id::VARCHAR || '|' || course_id::VARCHAR || '|' || part_id::VARCHAR || '|' || coalesce(launch_time::VARCHAR, '')
        || '|' || coalesce(start_time::VARCHAR, '') || '|' || coalesce(untimed_on::VARCHAR, '') || coalesce(untimed_as, '')
    ) AS session_id,
    coalesce(start_time, launch_time, file_date)::DATE AS session_date,
    user_id,
    course_id,
    course_name,
    assignment_id,
    assignment_name,
    part_id,
    part_name,
    lab_type,
    launch_time,
    start_time,
    init_time,
    end_time,
    CASE WHEN end_time IS NOT NULL THEN least(end_time, coalesce(start_time, launch_time, session_date) + INTERVAL 31 DAY) END AS counted_end,
    CASE
        WHEN coalesce(start_time + INTERVAL 31 DAY < end_time, minutes_delivered > 44640) THEN 44640
        ELSE coalesce((date_diff('second', start_time, end_time) / 60)::DECIMAL(18, 6), minutes_delivered)
    END::DECIMAL(18, 6) AS minutes,
    coalesce(minutes_delivered > 44640 AND (start_time IS NULL OR end_time IS NULL), false) OR coalesce(end_time > counted_end, false) AS is_capped,
    minutes_delivered,
    CASE
        WHEN init_time >= launch_time THEN date_diff('second', launch_time, init_time)
    END AS launch_to_ready_seconds,
    round(launch_to_ready_minutes_delivered * 60, 3)::DECIMAL(18, 3) AS launch_to_ready_seconds_delivered,
    start_time IS NOT NULL AND end_reason IS DISTINCT FROM 'Start Failed' AS succeeded,
    CASE
        WHEN end_time > session_date THEN greatest(session_date, (least(counted_end, end_time) - INTERVAL 1 MICROSECOND)::DATE)
        WHEN end_time IS NULL AND succeeded AND file_date > session_date THEN least(file_date, session_date + 31)
        ELSE session_date
    END AS last_day,
    end_reason,
    concurrent_labs,
    disconnects,
    latency_ms
FROM staging.lab_sessions
