SELECT
    bucket(session_date) AS day, course, CASE WHEN succeeded THEN 'started' ELSE 'failed' END AS outcome, count(*) AS sessions
FROM sessions
GROUP BY ALL
ORDER BY ALL
