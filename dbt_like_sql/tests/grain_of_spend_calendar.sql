-- marts.spend_calendar has one row per day.
-- If it fails, a join in marts/spend_calendar.sql multiplies rows.
SELECT day, count(*) AS times
FROM marts.spend_calendar
GROUP BY day
HAVING count(*) > 1
