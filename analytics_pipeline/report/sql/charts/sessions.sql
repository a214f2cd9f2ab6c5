WITH outcomes AS (
    SELECT bucket(day) AS day, course, sum(sessions - failed)::BIGINT AS started, sum(failed)::BIGINT AS failed
    FROM session_days
    GROUP BY ALL
)
SELECT day, course, outcome, sessions
FROM outcomes
UNPIVOT (sessions FOR outcome IN (started, failed))
WHERE sessions > 0
ORDER BY ALL
