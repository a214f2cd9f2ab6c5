-- Every period of every budget: one for a budget that does not repeat, one per month for a monthly budget, up to the month of the
-- newest complete day.
WITH
as_of AS (SELECT max(as_of) AS day FROM marts.spend_calendar),
months AS (
    SELECT
        budgets.*,
        unnest(generate_series(
            date_trunc('month', starts_on)::TIMESTAMP,
            date_trunc('month', greatest(starts_on, least(ends_on, as_of.day)))::TIMESTAMP,
            INTERVAL 1 MONTH
        ))::DATE AS month
    FROM staging.budgets AS budgets
    CROSS JOIN as_of
    WHERE is_monthly
)
SELECT
    budget, -- Name of the budget.
    scope, -- organisation, department, course, root_course or term.
    scope_id, -- Course id, name of the department or term, or `organisation`.
    greatest(starts_on, month) AS starts_on, -- First UTC day of the period.
    least(ends_on, last_day(month)) AS ends_on, -- Last UTC day of the period.
    amount, -- US dollars of the period; the full amount also for a month that the budget covers only in part.
    alert_at, -- Percentages of the amount that trigger an alarm.
    student_cap, -- US dollars that a student may spend in a course within the period; NULL without a cap.
    is_monthly -- Whether the amount applies to each month.
FROM months
UNION ALL
SELECT budget, scope, scope_id, starts_on, ends_on, amount, alert_at, student_cap, is_monthly
FROM staging.budgets
WHERE NOT is_monthly
