-- No session lasts longer than 31 days, by its start and end as delivered, or by the minutes if one of these times is missing. A returned
-- row is a session with a clock error: it counts for only 31 days, in all hours and in marts.lab_concurrency_hourly.
-- severity: warn
-- If it fails, ask Vocareum for the session's real times. `hours_delivered` is the length as delivered.
SELECT
    session_id, course_id, part_id, start_time, end_time,
    coalesce(date_diff('hour', start_time, end_time), minutes_delivered // 60) AS hours_delivered
FROM marts.lab_sessions
WHERE end_time > coalesce(start_time, launch_time, session_date) + INTERVAL 31 DAY
OR ((start_time IS NULL OR end_time IS NULL) AND minutes_delivered > 31 * 24 * 60)
ORDER BY hours_delivered DESC
