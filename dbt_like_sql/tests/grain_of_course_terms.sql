-- marts.course_terms has one row per course.
-- If it fails, a join in marts/course_terms.sql multiplies rows.
SELECT course_id, count(*) AS times
FROM marts.course_terms
GROUP BY course_id
HAVING count(*) > 1
