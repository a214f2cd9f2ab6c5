-- marts.spend_anomalies has one row per course, user and day.
-- If it fails, a join in marts/spend_anomalies.sql multiplies rows.
SELECT course_id, user_id, day, count(*) AS times
FROM marts.spend_anomalies
GROUP BY course_id, user_id, day
HAVING count(*) > 1
