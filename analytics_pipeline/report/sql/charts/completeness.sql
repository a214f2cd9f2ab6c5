-- The worst state of a week if there are too many days to draw.
WITH states AS (
    SELECT
        dataset,
        period,
        -- A monthly dataset has no files between its months.
        dataset IN (SELECT dataset FROM marts.data_completeness GROUP BY dataset HAVING bool_and(day(period) = 1)) AS is_monthly,
        CASE
            WHEN NOT delivered THEN 'missing'
            WHEN NOT loaded OR newest_failed THEN 'failed'
            WHEN late THEN 'late'
            ELSE 'on time'
        END AS state,
        list_position(['on time', 'late', 'missing', 'failed'], state) AS severity
    FROM marts.data_completeness
)
SELECT
    dataset,
    CASE WHEN is_monthly THEN period ELSE weekly_bucket(period) END AS day,
    (any_value(CASE WHEN is_monthly THEN period ELSE weekly_bucket(period) END) + any_value(CASE
        WHEN is_monthly THEN INTERVAL 1 MONTH
        WHEN (SELECT is_weekly FROM span) THEN INTERVAL 7 DAY
        ELSE INTERVAL 1 DAY
    END))::DATE AS until,
    arg_max(state, severity) AS state,
    count(*) FILTER (severity > 2) AS absent,
    count(*) AS periods
FROM states
GROUP BY ALL
ORDER BY ALL
