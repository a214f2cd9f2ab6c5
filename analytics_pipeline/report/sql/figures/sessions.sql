SELECT
    coalesce(session.course, 'all') AS course,
    count(*) FILTER (session_date > last_session - 30) AS sessions,
    count(*) FILTER (loaded.place <= loaded.compared) AS newest,
    count(*) FILTER (loaded.place > loaded.compared AND loaded.place <= 2 * loaded.compared) AS before,
    count(*) FILTER (session_date > last_session - 30 AND NOT succeeded) AS failed,
    count(DISTINCT user_id) FILTER (session_date > last_session - 30 AND is_enrolled_student AND succeeded) AS active,
    count(DISTINCT user_id) FILTER (session_date > last_session - 30 AND is_enrolled_student) - active AS failed_only
FROM span, sessions AS session
LEFT JOIN loaded_days AS loaded ON loaded.what = 'sessions' AND loaded.day = session.session_date
WHERE session_date <= last_session
GROUP BY GROUPING SETS ((), (session.course))
