-- The loaded days of spend and of sessions, newest first. A day is loaded if every cost file due for it is; the first AWS file says nothing
-- about the spend of its day.
CREATE OR REPLACE TEMP TABLE loaded_days AS
WITH
days AS (
    SELECT CASE dataset WHEN 'lab_sessions' THEN 'sessions' ELSE 'spend' END AS what, period AS day
    FROM marts.data_completeness
    WHERE dataset IN ('aws_cost', 'azure_cost', 'lab_sessions')
    GROUP BY ALL
    HAVING bool_and(loaded)
)
SELECT
    what, day,
    row_number() OVER (PARTITION BY what ORDER BY day DESC) AS place,
    least(30, count(*) OVER (PARTITION BY what) // 2) AS compared
FROM days
WHERE what = 'sessions'
OR day > coalesce((SELECT max(spend_date) FROM marts.daily_cloud_spend WHERE is_opening_balance), DATE '0001-01-01');
