-- Each day of marts.organisation_daily has the sessions of marts.lab_sessions, and at most as many active users as successful
-- sessions. All days add up to the spend of marts.daily_cloud_spend per provider. A day is complete if the ledger holds its file
-- of every daily dataset that had started by then, and no newer version failed. A provider has ended if it delivers no file for more than
-- a week while the other one does. If it fails, look at the joins of the mart, or rebuild it.
WITH
launched AS (
    SELECT session_date AS day, count(*) AS sessions, count(*) - count(*) FILTER (succeeded) AS failed_launches
    FROM marts.lab_sessions
    GROUP BY session_date
),
first_files AS (
    SELECT
        dataset, min(period) AS since, max(period) AS last_file,
        dataset <> 'lab_sessions' AND max(max(period)) FILTER (dataset <> 'lab_sessions') OVER () - max(period) > 7 AS has_ended
    FROM (SELECT dataset, period FROM ops.loaded_files UNION ALL SELECT dataset, period FROM ops.failed_files)
    WHERE dataset IN ('lab_sessions', 'aws_cost', 'azure_cost')
    GROUP BY dataset
),
lacking AS (
    SELECT DISTINCT days.day, first_files.dataset = 'lab_sessions' AS is_of_sessions
    FROM marts.organisation_daily AS days
    JOIN first_files ON first_files.since <= days.day AND NOT (first_files.has_ended AND first_files.last_file < days.day)
    LEFT JOIN ops.loaded_files AS loaded ON loaded.dataset = first_files.dataset AND loaded.period = days.day
    LEFT JOIN ops.failed_files AS failed ON failed.dataset = first_files.dataset AND failed.period = days.day
    WHERE loaded.period IS NULL OR failed.period IS NOT NULL
),
spent AS (
    SELECT
        coalesce(sum(cost) FILTER (provider = 'aws' AND NOT is_opening_balance), 0) AS aws_spend,
        coalesce(sum(cost) FILTER (provider = 'azure'), 0) AS azure_spend,
        coalesce(sum(cost) FILTER (is_opening_balance), 0) AS opening_balance
    FROM marts.daily_cloud_spend
),
found AS (
    SELECT
        coalesce(sum(aws_spend), 0) AS aws_spend, coalesce(sum(azure_spend), 0) AS azure_spend,
        coalesce(sum(opening_balance), 0) AS opening_balance, coalesce(sum(spend), 0) AS spend
    FROM marts.organisation_daily
)
SELECT coalesce(days.day, launched.day) AS day, 'sessions' AS problem
FROM marts.organisation_daily AS days
FULL JOIN launched ON launched.day = days.day
WHERE coalesce(days.sessions, 0) <> coalesce(launched.sessions, 0)
OR coalesce(days.failed_launches, 0) <> coalesce(launched.failed_launches, 0)
OR days.active_users NOT BETWEEN least(days.sessions - days.failed_launches, 1) AND days.sessions - days.failed_launches
UNION ALL
SELECT days.day, 'complete, but a file is lacking'
FROM marts.organisation_daily AS days
JOIN lacking ON lacking.day = days.day
WHERE days.is_complete OR CASE WHEN lacking.is_of_sessions THEN days.sessions_complete ELSE days.spend_complete END
UNION ALL
SELECT days.day, 'not complete, but every file is loaded'
FROM marts.organisation_daily AS days
ANTI JOIN lacking ON lacking.day = days.day
WHERE NOT days.is_complete
AND days.day > (SELECT max(since) FROM first_files)
AND (SELECT bool_or(dataset = 'lab_sessions') AND bool_or(dataset <> 'lab_sessions') FROM first_files)
AND days.day > coalesce((SELECT min(spend_date) FROM marts.daily_cloud_spend WHERE provider = 'aws'), DATE '0001-01-01')
AND days.day NOT IN (SELECT spend_date FROM marts.daily_cloud_spend WHERE is_opening_balance)
UNION ALL
SELECT NULL, 'spend'
FROM found
CROSS JOIN spent
WHERE found.aws_spend <> spent.aws_spend OR found.azure_spend <> spent.azure_spend
OR found.opening_balance <> spent.opening_balance OR found.spend <> spent.aws_spend + spent.azure_spend
