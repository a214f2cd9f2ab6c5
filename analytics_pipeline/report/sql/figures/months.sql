-- The month of the newest complete day and the previous month, up to the same day and in full.
WITH newest AS (
    SELECT
        coalesce((SELECT max(as_of) FROM marts.spend_forecast), (SELECT last_spend FROM span)) AS day,
        (SELECT min(day) FROM spend_days WHERE dating <> 'before the first file') AS first_day
)
SELECT
    scopes.scope,
    newest.day,
    coalesce(sum(spent.cost) FILTER (spent.day BETWEEN date_trunc('month', newest.day) AND newest.day), 0) AS spend,
    coalesce(sum(spent.cost) FILTER (
        spent.day BETWEEN date_trunc('month', newest.day) - INTERVAL 1 MONTH AND newest.day - INTERVAL 1 MONTH
    ), 0) AS spend_before,
    coalesce(sum(spent.cost) FILTER (
        spent.day >= date_trunc('month', newest.day) - INTERVAL 1 MONTH AND spent.day < date_trunc('month', newest.day)
    ), 0) AS month_before,
    newest.first_day <= date_trunc('month', newest.day) - INTERVAL 1 MONTH AS is_month_before_whole
FROM newest, spend_days AS spent
JOIN scopes ON scopes.course = spent.course
WHERE spent.dating <> 'before the first file'
GROUP BY ALL
