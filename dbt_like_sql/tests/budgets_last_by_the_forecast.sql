-- By the forecast, no budget runs out before its period ends. Each row is a period whose expected or actual spend exceeds its amount.
-- severity: warn
-- alert: yes
-- If it fails, look at marts.budget_status for the day on which the money runs out, and at marts.spend_forecast for the band and the past error.
SELECT DISTINCT
    format(
        'forecast of {} from {} to {}, {:.2f} USD',
        if(scope = 'organisation', 'the organisation', replace(scope, '_', ' ') || ' ' || scope_id),
        starts_on, ends_on, amount::DOUBLE
    ) AS alarm,
    format(
        'Spend of {:.2f} USD is expected by {}, but the budget is {:.2f} USD; exhausted on {}.',
        coalesce(forecast, spent)::DOUBLE, ends_on, amount::DOUBLE, coalesce(exhausted_on::VARCHAR, 'the last day')
    ) AS message
FROM marts.budget_status
WHERE state IN ('forecast over', 'over') OR (state = 'ended over' AND ends_on >= spend_until - 7)
