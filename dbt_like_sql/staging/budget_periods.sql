-- Every period of every budget: one for a budget that does not repeat, one per month for a monthly budget, up to the month of the
-- newest day with spend, or of the newest complete day if that is later.
WITH
-- A file of azure_cost may list the next month, whose days begin with their own files.
newest AS (SELECT max(period) AS day FROM marts.data_completeness WHERE dataset IN ('aws_cost', 'azure_cost') AND loaded),
spend AS (
    -- least() and greatest() ignore NULL
    SELECT greatest(least(max(days.day), any_value(newest.day)), (SELECT max(as_of) FROM marts.spend_calendar)) AS until
    FROM marts.spend_days AS days
    CROSS JOIN newest
    WHERE days.dating <> 'before the first file'
),
months AS (
    SELECT
        budgets.*,
        spend.until AS spend_until,
        unnest(generate_series(
            date_trunc('month', starts_on)::TIMESTAMP,
            date_trunc('month', greatest(starts_on, least(ends_on, spend.until)))::TIMESTAMP,
            INTERVAL 1 MONTH
        ))::DATE AS month
    FROM staging.budgets AS budgets
    CROSS JOIN spend
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
    is_monthly, -- Whether the amount applies to each month.
    spend_until -- Newest UTC day with spend, of any scope, up to the newest loaded cost file, or the newest complete day if that is later. The same in each row.
FROM months
UNION ALL
SELECT
    budgets.budget, budgets.scope, budgets.scope_id, budgets.starts_on, budgets.ends_on, budgets.amount, budgets.alert_at,
    budgets.student_cap, budgets.is_monthly, spend.until
FROM staging.budgets AS budgets
CROSS JOIN spend
WHERE NOT budgets.is_monthly
