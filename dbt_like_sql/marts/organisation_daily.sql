-- One row a day for the whole organisation: how much it was used, what it spent by provider, and whether the day is complete. Every day
-- from the first daily file to the last is listed, also one of which nothing came: a zero there is no fact unless the day is complete.
-- Beyond them only days to which a session or a share of spend is dated.
WITH
files AS (
    SELECT dataset, period AS day, loaded AND NOT newest_failed AS is_loaded
    FROM marts.data_completeness
    WHERE dataset IN ('lab_sessions', 'aws_cost', 'azure_cost')
),
datasets AS (SELECT dataset, min(day) AS since FROM files GROUP BY dataset),
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
-- A dataset is due from its first file on: an organisation may begin with Azure later.
states AS (
    SELECT
        days.day,
        bool_and(coalesce(files.is_loaded, false)) FILTER (datasets.dataset = 'lab_sessions') AS has_sessions,
        bool_and(coalesce(files.is_loaded, false)) FILTER (datasets.dataset <> 'lab_sessions') AS has_costs
    FROM days
    JOIN datasets ON datasets.since <= days.day
    LEFT JOIN files ON files.dataset = datasets.dataset AND files.day = days.day
    GROUP BY days.day
),
completed AS (
    SELECT
        days.day,
        coalesce(states.has_sessions, false) AS sessions_complete,
        -- What AWS had accumulated by its first file is no spend of that day, and of that day nothing else is known.
        coalesce(states.has_costs AND days.day > coalesce(opening.day, DATE '0001-01-01'), false) AS spend_complete
    FROM days
    CROSS JOIN (SELECT max(spend_date) AS day FROM marts.daily_cloud_spend WHERE is_opening_balance) AS opening
    LEFT JOIN states ON states.day = days.day
)
SELECT
    completed.day, -- UTC day.
    coalesce(used.sessions, 0) AS sessions, -- Lab sessions of anyone that started, or were launched, on the day; failed launches included.
    coalesce(used.failed_launches, 0) AS failed_launches, -- Launches whose machine never started.
    coalesce(used.active_users, 0) AS active_users, -- People, staff included, with a session of the day that succeeded. Not to be summed over days: marts.activity_weekly counts weeks.
    round(coalesce(used.minutes, 0) / 60, 6)::DECIMAL(38, 6) AS hours, -- Hours of the sessions that started on the day, also those after its midnight, to six decimals.
    coalesce(spent.aws_spend, 0)::DECIMAL(38, 9) AS aws_spend, -- US dollars on AWS, exact as in marts.spend_days, without opening_balance.
    coalesce(spent.azure_spend, 0)::DECIMAL(38, 9) AS azure_spend, -- US dollars on Azure, exact as in marts.spend_days.
    (coalesce(spent.aws_spend, 0) + coalesce(spent.azure_spend, 0))::DECIMAL(38, 9) AS spend, -- aws_spend and azure_spend together, exact.
    round(coalesce(spent.aws_spend, 0) + coalesce(spent.azure_spend, 0), 2)::DECIMAL(38, 2) AS spend_usd, -- spend to the cent, to read. Not to be summed: sum spend.
    coalesce(spent.opening_balance, 0)::DECIMAL(38, 9) AS opening_balance, -- US dollars that AWS had accumulated by its first file, at an unknown time; in the row of that file's day, and in no other sum here.
    completed.sessions_complete, -- Whether the day's file of sessions is loaded, its newest version too.
    completed.spend_complete, -- Whether the day's file of each provider that ever delivered one up to then is loaded, its newest version too, and AWS's first file lies before it.
    completed.sessions_complete AND completed.spend_complete AS is_complete -- Whether both are: only then the day compares with others.
FROM completed
LEFT JOIN used ON used.day = completed.day
LEFT JOIN spent ON spent.day = completed.day
