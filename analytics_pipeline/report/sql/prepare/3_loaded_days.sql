-- The loaded days up to the end of each period, newest first, and how many of them a change compares with the same number before. A
-- day is loaded if all its due cost files are. A provider is due from its first file on, and no longer used after 30 days without one.
-- The first AWS file does not count, as it has no spend of its own day.
CREATE OR REPLACE TEMP TABLE loaded_days AS
WITH
files AS (
    SELECT CASE dataset WHEN 'lab_sessions' THEN 'sessions' ELSE 'spend' END AS what, dataset, period AS day, loaded
    FROM marts.data_completeness
    WHERE dataset IN ('aws_cost', 'azure_cost', 'lab_sessions')
),
datasets AS (
    SELECT what, dataset, min(day) AS first_day, max(day) AS last_day, last_day < max(max(day)) OVER (PARTITION BY what) - 30 AS is_over
    FROM files
    GROUP BY what, dataset
),
days AS (
    SELECT listed.what, listed.day
    FROM (SELECT DISTINCT what, day FROM files) AS listed
    JOIN datasets
        ON datasets.what = listed.what AND datasets.first_day <= listed.day
        AND (datasets.last_day >= listed.day OR NOT datasets.is_over)
    LEFT JOIN files ON files.dataset = datasets.dataset AND files.day = listed.day
    GROUP BY ALL
    HAVING bool_and(coalesce(files.loaded, false))
),
counted AS (
    SELECT *
    FROM days
    WHERE what = 'sessions'
    OR day > coalesce((SELECT max(spend_date) FROM marts.daily_cloud_spend WHERE is_opening_balance), DATE '0001-01-01')
)
SELECT
    ends.what, ends.since, ends.until, counted.day,
    row_number() OVER (PARTITION BY ends.what, ends.since, ends.until ORDER BY counted.day DESC) AS place,
    count(*) FILTER (counted.day >= ends.since) OVER (PARTITION BY ends.what, ends.since, ends.until) AS within,
    least(within, count(*) OVER (PARTITION BY ends.what, ends.since, ends.until) // 2) AS compared
FROM (SELECT DISTINCT what, since, until FROM windows) AS ends
JOIN counted ON counted.what = ends.what AND counted.day <= ends.until;
