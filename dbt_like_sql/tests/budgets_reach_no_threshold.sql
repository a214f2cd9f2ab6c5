-- No budget's spend has reached one of its thresholds (alert_at). Each row is a threshold reached by a current period, or by one that
-- ended within the last week.
-- severity: warn
-- alert: yes
-- If it fails, look at marts.budget_status: raise the budget in BUDGETS_FILE, or stop what causes the cost.
SELECT
    format(
        'budget of {} from {}, {} %',
        if(scope = 'organisation', 'the organisation', replace(scope, '_', ' ') || ' ' || scope_id),
        starts_on, percent
    ) AS alarm,
    format(
        '{:.2f} of {:.2f} USD has been spent ({} %), and {} % of the time has passed.',
        max_by(spent, percent_of_amount)::DOUBLE, max_by(amount, percent_of_amount)::DOUBLE, max(percent_of_amount),
        max_by(percent_of_time, percent_of_amount)
    ) AS message
FROM (
    SELECT *, unnest(alerts_reached) AS percent
    FROM marts.budget_status
    WHERE state NOT IN ('no such scope', 'upcoming') AND ends_on >= as_of - 7
)
GROUP BY scope, scope_id, starts_on, percent
