-- Number of students per cell of sessions and spend, never rows of people. Cell sizes let most people fit into 16 x 16 cells.
WITH people AS (
    SELECT coalesce(courses.course, 'unknown') AS course, sessions, spend
    FROM marts.student_course_summary AS people
    LEFT JOIN courses ON courses.course_id = people.course_id
    WHERE is_student AND (sessions > 0 OR spend > 0)
),
cell AS (
    SELECT
        greatest(1, ceil(quantile_cont(sessions, 0.98) / 16)) AS wide,
        greatest(0.05, ceil(quantile_cont(spend, 0.98) * 20 / 16) / 20) AS high
    FROM people
)
SELECT
    course,
    (floor(sessions / wide) * wide)::DOUBLE AS sessions_from, (sessions_from + wide)::DOUBLE AS sessions_to,
    round(floor(spend::DOUBLE / high) * high, 2) AS cost_from, round(cost_from + high, 2) AS cost_to,
    count(*) AS students
FROM people, cell
GROUP BY ALL
ORDER BY ALL
