-- The month of the newest complete day and the previous month, up to the same day and in full. Whether the previous month is known from its
-- first day depends on the files, not on when a course spends. Azure's first file shows the spend of its whole month so far.
-- The spend of a day without a file is in that of the month's next file. So only days after the last complete one may miss spend.
WITH newest AS (
    SELECT
        coalesce((SELECT max(as_of) FROM marts.spend_forecast), (SELECT last_spend FROM span)) AS day,
        least(
            (SELECT min(day) FROM marts.spend_calendar WHERE is_complete),
            (SELECT date_trunc('month', min(period))::DATE FROM marts.data_completeness WHERE dataset = 'azure_cost' AND loaded)
        ) AS first_day -- least() ignores NULL
),
before AS (
    SELECT
        calendar.day <= newest.day - INTERVAL 1 MONTH AS is_compared,
        calendar.day > coalesce(max(calendar.day) FILTER (calendar.is_complete) OVER (), '-infinity'::DATE) AS is_unknown
    FROM newest
    JOIN marts.spend_calendar AS calendar
        ON calendar.day >= date_trunc('month', newest.day) - INTERVAL 1 MONTH AND calendar.day < date_trunc('month', newest.day)
),
not_loaded AS (
    SELECT
        count(*) FILTER (is_unknown AND is_compared) AS days_before_unknown,
        count(*) FILTER (is_unknown) AS month_before_unknown
    FROM before
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
    coalesce(newest.first_day <= date_trunc('month', newest.day) - INTERVAL 1 MONTH, false) AS is_known_from_first_day,
    not_loaded.days_before_unknown,
    not_loaded.month_before_unknown
FROM newest
CROSS JOIN not_loaded
CROSS JOIN scopes
LEFT JOIN spend_days AS spent ON spent.course = scopes.course AND spent.dating <> 'before the first file'
GROUP BY ALL
