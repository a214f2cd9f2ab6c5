-- This month's spend of all courses and of unmapped parts adds up to that of the organisation, to the last decimal. Each band
-- includes its forecast and uses at least eight past days. days_left ends with the horizon. If it fails, look at
-- marts/spend_forecast.sql.
WITH
parts AS (
    SELECT sum(cost) AS spent
    FROM (
        SELECT sum(spent) AS cost FROM marts.spend_forecast WHERE scope = 'course' AND horizon = 'month end'
        UNION ALL
        SELECT sum(days.cost)
        FROM marts.spend_days AS days
        JOIN (SELECT max(as_of) AS as_of FROM marts.spend_calendar) AS now
            ON days.day BETWEEN date_trunc('month', now.as_of) AND now.as_of
        WHERE days.course_id IS NULL AND days.dating <> 'before the first file'
    )
)
SELECT forecasts.scope, forecasts.scope_id, forecasts.horizon, forecasts.ends_on
FROM marts.spend_forecast AS forecasts
CROSS JOIN parts
WHERE
    (forecasts.scope = 'organisation' AND forecasts.horizon = 'month end' AND forecasts.spent <> coalesce(parts.spent, 0))
    OR forecasts.forecast NOT BETWEEN forecasts.forecast_low - 0.000001 AND forecasts.forecast_high + 0.000001
    OR abs(forecasts.forecast - forecasts.spent - forecasts.expected) > 0.000002
    OR (forecasts.origins < 8 AND (forecasts.forecast_low IS NOT NULL OR forecasts.forecast_high IS NOT NULL))
    OR forecasts.as_of + forecasts.days_left::INTEGER <> forecasts.ends_on
