-- Number of students per cell of hours and score, never rows of people.
WITH people AS (
    SELECT coalesce(courses.course, 'unknown') AS course, (people.minutes / 60)::DOUBLE AS hours, people.percent_of_all::DOUBLE AS score
    FROM marts.student_course_summary AS people
    LEFT JOIN courses ON courses.course_id = people.course_id
    WHERE people.is_student AND people.percent_of_all IS NOT NULL AND people.minutes > 0
),
cell AS (SELECT greatest(1, ceil(quantile_cont(hours, 0.98) / 12)) AS wide FROM people)
SELECT
    course, floor(hours / wide) * wide AS hours_from, hours_from + wide AS hours_to,
    floor(score / 10) * 10 AS score_from, score_from + 10 AS score_to, count(*) AS students
FROM people, cell
GROUP BY ALL
ORDER BY ALL
