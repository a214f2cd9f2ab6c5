-- marts.lab_sessions holds exactly the sessions of staging.lab_session_rows; two days' files may list the same one.
-- by day: staging.lab_session_rows.session_date
-- by day: marts.lab_sessions.session_date
-- If it fails, compare the identity of a session in staging.lab_sessions with the row_key of
-- analytics_pipeline/datasets/lab_sessions.py.
WITH
delivered AS (
    SELECT DISTINCT
        user_id, course_id, part_id, launch_time, start_time,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN file_date END AS untimed_on,
        CASE
            WHEN launch_time IS NULL AND start_time IS NULL THEN [end_time::VARCHAR, init_time::VARCHAR, minutes_delivered::VARCHAR]
        END AS identity
    FROM staging.lab_session_rows
),
found AS (
    SELECT
        user_id, course_id, part_id, launch_time, start_time,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN session_date END AS untimed_on,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN [end_time::VARCHAR, init_time::VARCHAR, minutes_delivered::VARCHAR] END AS identity
    FROM marts.lab_sessions
)
(SELECT 'delivered' AS side, * FROM delivered EXCEPT SELECT 'delivered', * FROM found)
UNION ALL
(SELECT 'lab_sessions', * FROM found EXCEPT SELECT 'lab_sessions', * FROM delivered)
