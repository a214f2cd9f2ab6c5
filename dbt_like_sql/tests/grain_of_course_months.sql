-- marts.course_months has one row per month and course, and one per month for spend without a course.
-- If it fails, one of its joins multiplies money: look at its subquery `keys`.
SELECT month, course_id, count(*) AS times
FROM marts.course_months
GROUP BY month, course_id
HAVING count(*) > 1
