-- marts.student_spend_watch has one row per student, course and month.
-- If it fails, a join in marts/student_spend_watch.sql multiplies rows.
SELECT user_id, course_id, month, count(*) AS times
FROM marts.student_spend_watch
GROUP BY user_id, course_id, month
HAVING count(*) > 1
