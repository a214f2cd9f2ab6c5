-- marts.lab_concurrency_hourly has one row per hour and course, and one per hour for the organisation.
-- If it fails, look at its last GROUP BY.
SELECT hour, course_id, count(*) AS times
FROM marts.lab_concurrency_hourly
GROUP BY hour, course_id
HAVING count(*) > 1
