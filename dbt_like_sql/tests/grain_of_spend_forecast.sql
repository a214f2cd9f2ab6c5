-- marts.spend_forecast has one row per scope, horizon and period.
-- If it fails, a join in marts/spend_forecast.sql multiplies rows.
SELECT scope, scope_id, horizon, starts_on, ends_on, count(*) AS times
FROM marts.spend_forecast
GROUP BY scope, scope_id, horizon, starts_on, ends_on
HAVING count(*) > 1
