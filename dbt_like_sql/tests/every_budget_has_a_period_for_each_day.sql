-- Each budget has exactly one period for each of its days up to the newest complete day.
-- If it fails, look at staging/budget_periods.sql.
WITH
days AS (
    SELECT budgets.name AS budget, calendar.day
    FROM raw.budgets AS budgets
    JOIN marts.spend_calendar AS calendar
        ON calendar.day BETWEEN budgets.starts_on AND least(budgets.ends_on, calendar.as_of)
)
SELECT days.budget, days.day, count(periods.budget) AS periods
FROM days
LEFT JOIN marts.budget_status AS periods
    ON periods.budget = days.budget AND days.day BETWEEN periods.starts_on AND periods.ends_on
GROUP BY days.budget, days.day
HAVING count(periods.budget) <> 1
