-- Of each AWS account, user and part, the daily amounts add up to the last reported value plus the values before each reset; of
-- each Azure user, part and month to the last value, which is the bill. If it fails, marts.daily_cloud_spend loses or invents money: do not publish it, and
-- look at the days of a series that is returned.
WITH
reported AS (
    SELECT 'aws' AS provider, aws_account_id, user_id, part_id, NULL::DATE AS billing_month, file_date AS day, accumulated
    FROM staging.aws_cost
    UNION ALL
    SELECT 'azure', NULL, user_id, part_id, billing_month, spend_date, accumulated
    FROM staging.azure_cost
),
peaks AS (
    SELECT *
    FROM reported
    WINDOW series AS (PARTITION BY provider, aws_account_id, user_id, part_id, billing_month ORDER BY day)
    QUALIFY lead(day) OVER series IS NULL OR (provider = 'aws' AND accumulated > lead(accumulated) OVER series)
),
expected AS (
    SELECT provider, aws_account_id, user_id, part_id, billing_month, sum(accumulated) AS cost
    FROM peaks
    GROUP BY ALL
),
found AS (
    SELECT
        provider, aws_account_id, user_id, part_id,
        CASE WHEN provider = 'azure' THEN date_trunc('month', spend_date)::DATE END AS billing_month,
        sum(cost) AS cost
    FROM marts.daily_cloud_spend
    GROUP BY ALL
)
(SELECT 'reported' AS side, * FROM expected EXCEPT SELECT 'reported', * FROM found)
UNION ALL
(SELECT 'daily_cloud_spend', * FROM found EXCEPT SELECT 'daily_cloud_spend', * FROM expected)
