-- Use and spend of the organisation per day, and whether the day is complete. Lists every day from the first daily file to
-- the last, even without a file: trust a zero only if the day is complete. Lists other days only if a session or a share of
-- spend is dated to them.
WITH
files AS (
    SELECT dataset, period AS day, loaded AND NOT newest_failed AS is_loaded
    FROM marts.data_completeness
    WHERE dataset IN ('lab_sessions', 'aws_cost', 'azure_cost')
),
datasets AS (
    SELECT dataset, min(day) AS since, NULL::DATE AS until FROM files WHERE dataset = 'lab_sessions' GROUP BY dataset
    UNION ALL
    SELECT dataset, first_day, due_until FROM staging.cost_providers
),
used AS (
    SELECT
        session_date AS day, count(*) AS sessions, count(*) FILTER (NOT succeeded) AS failed_launches,
        count(DISTINCT user_id) FILTER (succeeded) AS active_users, sum(minutes) AS minutes
    FROM marts.lab_sessions
    GROUP BY session_date
),
spent AS (
    SELECT
        day,
        sum(cost) FILTER (provider = 'aws' AND dating <> 'before the first file') AS aws_spend,
        sum(cost) FILTER (provider = 'azure' AND dating <> 'before the first file') AS azure_spend,
        sum(cost) FILTER (dating = 'before the first file') AS opening_balance
    FROM marts.spend_days
    GROUP BY day
),
days AS (
    SELECT unnest(generate_series(min(day)::TIMESTAMP, max(day)::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day FROM files
    UNION
    SELECT day FROM used
    UNION
    SELECT day FROM spent
),
-- A dataset is due from its first file on, and a provider until it is no longer used: an organisation may start or stop using Azure.
states AS (
    SELECT
        days.day,
        bool_and(coalesce(files.is_loaded, false)) FILTER (datasets.dataset = 'lab_sessions') AS has_sessions,
        bool_and(coalesce(files.is_loaded, false)) FILTER (datasets.dataset <> 'lab_sessions') AS has_costs
    FROM days
    JOIN datasets ON datasets.since <= days.day AND days.day <= coalesce(datasets.until, days.day)
    LEFT JOIN files ON files.dataset = datasets.dataset AND files.day = days.day
    GROUP BY days.day
),
opening AS (SELECT DISTINCT spend_date AS day FROM marts.daily_cloud_spend WHERE is_opening_balance),
completed AS (
    SELECT
        days.day,
        coalesce(states.has_sessions, false) AS sessions_complete,
        -- An opening balance is not spend of its day, and the day's own spend is unknown.
        coalesce(
            states.has_costs AND opening.day IS NULL AND coalesce(days.day > (SELECT min(day) FROM opening), true), false
        ) AS spend_complete
    FROM days
    LEFT JOIN opening ON opening.day = days.day
    LEFT JOIN states ON states.day = days.day
)
SELECT
    completed.day, -- UTC day.
    coalesce(used.sessions, 0) AS sessions, -- Lab sessions of all users that started, or failed to launch, on the day. A session delivered for two courses counts in each, as in marts.lab_sessions, so that courses add up.
    coalesce(used.failed_launches, 0) AS failed_launches, -- Launches whose machine never started.
    coalesce(used.active_users, 0) AS active_users, -- Users, including staff, with a successful session on the day. Do not sum over days: marts.activity_weekly counts per week.
    round(coalesce(used.minutes, 0) / 60, 6)::DECIMAL(38, 6) AS hours, -- Hours of the sessions that started on the day, including hours after midnight, to six decimals. A session counts as often as in `sessions`.
    coalesce(spent.aws_spend, 0)::DECIMAL(38, 9) AS aws_spend, -- US dollars on AWS, exact as in marts.spend_days, without opening_balance.
    coalesce(spent.azure_spend, 0)::DECIMAL(38, 9) AS azure_spend, -- US dollars on Azure, exact as in marts.spend_days.
    (coalesce(spent.aws_spend, 0) + coalesce(spent.azure_spend, 0))::DECIMAL(38, 9) AS spend, -- aws_spend + azure_spend, exact.
    round(coalesce(spent.aws_spend, 0) + coalesce(spent.azure_spend, 0), 2)::DECIMAL(38, 2) AS spend_usd, -- spend rounded to cents, for display. Do not sum: sum spend.
    coalesce(spent.opening_balance, 0)::DECIMAL(38, 9) AS opening_balance, -- US dollars of opening balances: AWS had accumulated them before, at an unknown time. Dated to the day of their file; no other column here includes them.
    completed.sessions_complete, -- Whether the day's sessions file is loaded in its newest version.
    completed.spend_complete, -- Whether the day's cost file is loaded in its newest version for each provider that is due, by the rule of staging.cost_providers. False up to the first day with opening balances, and on each later day with some.
    completed.sessions_complete AND completed.spend_complete AS is_complete -- Whether sessions and spend are complete. Compare only complete days.
FROM completed
LEFT JOIN used ON used.day = completed.day
LEFT JOIN spent ON spent.day = completed.day
