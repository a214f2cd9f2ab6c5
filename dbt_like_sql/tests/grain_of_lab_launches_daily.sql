-- marts.lab_launches_daily has one row per day, course and lab type.
-- If it fails, look at its GROUP BY.
SELECT date, course_id, lab_type, count(*) AS times
FROM marts.lab_launches_daily
GROUP BY date, course_id, lab_type
HAVING count(*) > 1
