-- marts.budget_status has one row per budget and first day (starts_on).
-- If it fails, a join in marts/budget_status.sql multiplies rows.
SELECT budget, starts_on, count(*) AS times
FROM marts.budget_status
GROUP BY budget, starts_on
HAVING count(*) > 1
