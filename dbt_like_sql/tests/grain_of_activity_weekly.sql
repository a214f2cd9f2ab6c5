-- marts.activity_weekly has one row per week and course, and one per week for the organisation.
-- If it fails, look at its subquery `keys` and at the join with marts.lab_launches_weekly.
SELECT week, course_id, count(*) AS times
FROM marts.activity_weekly
GROUP BY week, course_id
HAVING count(*) > 1
