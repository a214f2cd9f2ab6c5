-- Every day from the first to the newest cost file, and whether all spend of the day is known. Forecasts and the report's changes use
-- only complete days. staging.cost_providers defines when a provider is due.
WITH
files AS (
    SELECT dataset, period, loaded AND NOT newest_failed AS is_loaded
    FROM marts.data_completeness
    WHERE dataset IN ('aws_cost', 'azure_cost') AND delivered
),
opening AS (SELECT DISTINCT spend_date AS day FROM marts.daily_cloud_spend WHERE is_opening_balance),
days AS (
    SELECT unnest(generate_series(min(first_day)::TIMESTAMP, max(last_day)::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day
    FROM staging.cost_providers
),
judged AS (
    SELECT
        days.day,
        bool_and(
            days.day < providers.first_day
            OR (
                coalesce(files.is_loaded, false)
                AND NOT (
                    providers.dataset = 'aws_cost'
                    AND (opening.day IS NOT NULL OR coalesce(days.day < (SELECT min(day) FROM opening), false))
                )
            )
            OR coalesce(days.day > providers.due_until, false)
        ) AS is_complete
    FROM days
    CROSS JOIN staging.cost_providers AS providers
    LEFT JOIN files ON files.dataset = providers.dataset AND files.period = days.day
    LEFT JOIN opening ON opening.day = days.day
    GROUP BY days.day
)
SELECT
    day, -- UTC day.
    is_complete, -- Whether the file of each provider that is due is loaded in its newest version. False on days with opening balances, as these accumulated earlier, and on days of AWS before the first of these.
    max(day) FILTER (is_complete) OVER () AS as_of -- Newest complete day, the same in each row; NULL if there is none.
FROM judged
