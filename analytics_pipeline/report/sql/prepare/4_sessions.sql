CREATE OR REPLACE TEMP TABLE sessions AS
SELECT
    coalesce(courses.course, 'unknown') AS course, session.course_id, session.user_id, session.session_date, session.start_time, session.counted_end,
    session.minutes, session.launch_to_ready_seconds, session.succeeded, session.succeeded AND session.init_time IS NOT NULL AS was_ready
FROM marts.lab_sessions AS session
LEFT JOIN courses ON courses.course_id = session.course_id
WHERE session.session_date BETWEEN (SELECT first_day - 1 FROM span) AND (SELECT last_day + 1 FROM span);
