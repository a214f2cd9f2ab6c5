-- marts.student_course_summary has one row per user and course.
-- If it fails, one of the joined subqueries has more than one row per user and course.
SELECT user_id, course_id, count(*) AS times
FROM marts.student_course_summary
GROUP BY user_id, course_id
HAVING count(*) > 1
