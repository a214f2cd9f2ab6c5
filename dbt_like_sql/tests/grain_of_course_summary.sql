-- marts.course_summary has one row per course.
-- If it fails, one of the joined subqueries has more than one row per course.
SELECT course_id, count(*) AS times
FROM marts.course_summary
GROUP BY course_id
HAVING count(*) > 1
