-- Every day from the first to the newest cost file, and whether all spend of the day is known. Forecasts and the report's changes use
-- only complete days. staging.cost_providers defines when a provider is due.
WITH
files AS (
    SELECT dataset, period, loaded AND NOT newest_failed AS is_loaded, coalesce(rows = 0 AND rejects = 0, false) AS is_empty
    FROM marts.data_completeness
    WHERE dataset IN ('aws_cost', 'azure_cost') AND delivered
),
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
                AND NOT (days.day = providers.first_day AND providers.dataset = 'aws_cost' AND NOT files.is_empty)
            )
            OR coalesce(days.day > providers.due_until, false)
        ) AS is_complete
    FROM days
    CROSS JOIN staging.cost_providers AS providers
    LEFT JOIN files ON files.dataset = providers.dataset AND files.period = days.day
    GROUP BY days.day
)
SELECT
    day, -- UTC day.
    is_complete, -- Whether the file of each provider that is due is loaded in its newest version. False for the day of the first AWS file, as its values accumulated earlier, unless the file has only its header.
    max(day) FILTER (is_complete) OVER () AS as_of -- Newest complete day, the same in each row; NULL if there is none.
FROM judged
