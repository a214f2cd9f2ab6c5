-- marts.organisation_daily has one row per day.
-- If it fails, one of its joins multiplies days: look at its subqueries `states` and `completed`.
SELECT day, count(*) AS times
FROM marts.organisation_daily
GROUP BY day
HAVING count(*) > 1
