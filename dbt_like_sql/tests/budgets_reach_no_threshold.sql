-- No budget's spend has reached one of its thresholds (alert_at). Each row is a threshold reached by a current period, or by one that
-- ended within the last week.
-- severity: warn
-- alert: yes
-- If it fails, look at marts.budget_status: raise the budget in BUDGETS_FILE, or stop what causes the cost.
SELECT DISTINCT
    format(
        'budget of {} from {} to {}, {:.2f} USD, {} %',
        if(scope = 'organisation', 'the organisation', replace(scope, '_', ' ') || ' ' || scope_id),
        starts_on, ends_on, amount::DOUBLE, unnest(alerts_reached)
    ) AS alarm,
    format(
        '{:.2f} of {:.2f} USD has been spent ({} %), and {} % of the time has passed.',
        spent::DOUBLE, amount::DOUBLE, percent_of_amount, percent_of_time
    ) AS message
FROM marts.budget_status
WHERE state NOT IN ('no such scope', 'upcoming') AND ends_on >= spend_until - 7
