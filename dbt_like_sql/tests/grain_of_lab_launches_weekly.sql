-- marts.lab_launches_weekly has one row per week, course and lab type; NULL in either means all.
-- If it fails, look at its GROUPING SETS.
SELECT week, course_id, lab_type, count(*) AS times
FROM marts.lab_launches_weekly
GROUP BY week, course_id, lab_type
HAVING count(*) > 1
