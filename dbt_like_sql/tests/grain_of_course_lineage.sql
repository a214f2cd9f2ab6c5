-- marts.course_lineage has one row per course.
-- If it fails, look at staging.courses.
SELECT course_id, count(*) AS times
FROM marts.course_lineage
GROUP BY course_id
HAVING count(*) > 1
