SELECT
    scope AS kind, isolated(scope_id) AS scope_id, starts_on, ends_on, as_of, days_left::INTEGER AS days_left, spent, forecast, forecast_low, forecast_high,
    error_percent, origins
FROM marts.spend_forecast
WHERE horizon = 'month end'
