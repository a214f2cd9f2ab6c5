-- Each budget has exactly one period for each of its days up to the newest complete day, and for each later day with spend.
-- If it fails, look at staging/budget_periods.sql.
WITH
known AS (
    SELECT day FROM marts.spend_calendar WHERE day <= as_of
    UNION
    SELECT day FROM marts.spend_days WHERE dating <> 'before the first file'
),
days AS (
    SELECT budgets.name AS budget, known.day
    FROM raw.budgets AS budgets
    JOIN known ON known.day BETWEEN budgets.starts_on AND coalesce(budgets.ends_on, known.day)
)
SELECT days.budget, days.day, count(periods.budget) AS periods
FROM days
LEFT JOIN marts.budget_status AS periods
    ON periods.budget = days.budget AND days.day BETWEEN periods.starts_on AND periods.ends_on
GROUP BY days.budget, days.day
HAVING count(periods.budget) <> 1
