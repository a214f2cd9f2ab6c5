-- For each AWS account, user and part, the daily amounts add up to the last value plus those before each restart; for each Azure user,
-- part and month, to the last value, which is the bill. The test reads falls itself: unless evidence decided, a restart is a fall below
-- half, of the value and of the charge in it, that the next value does not recover. If it fails, marts.daily_cloud_spend loses or invents
-- money: do not publish it, and look at the days of a returned series.
WITH
aws AS (
    SELECT
        costs.*,
        lag(costs.accumulated) OVER days AS before,
        lead(costs.accumulated) OVER days AS after,
        lag(costs.charged) OVER days AS charged_before,
        spend.fall,
        spend.fall_evidence
    FROM staging.aws_cost AS costs
    LEFT JOIN marts.daily_cloud_spend AS spend
        ON spend.provider = 'aws' AND spend.spend_date = costs.file_date AND spend.aws_account_id = costs.aws_account_id
        AND spend.user_id = costs.user_id AND spend.part_id = costs.part_id
    WINDOW days AS (PARTITION BY costs.aws_account_id, costs.user_id, costs.part_id ORDER BY costs.file_date)
),
restarts AS (
    SELECT
        *,
        CASE
            WHEN fall_evidence IS NOT NULL THEN fall = 'restart'
            WHEN charged IS NULL OR charged_before IS NULL THEN false
            ELSE before > 2 * greatest(accumulated, 0) AND charged_before > 2 * charged AND coalesce(after < before, true)
        END AS is_restart
    FROM aws
),
-- The growth from value to value adds up to the last one, so only the values before restarts have to be added.
expected AS (
    SELECT
        'aws' AS provider, aws_account_id, user_id, part_id, NULL::DATE AS billing_month,
        arg_max(accumulated, file_date) + coalesce(sum(before) FILTER (is_restart), 0) AS cost
    FROM restarts
    GROUP BY aws_account_id, user_id, part_id
    UNION ALL
    SELECT 'azure', NULL, user_id, part_id, billing_month, arg_max(accumulated, spend_date)
    FROM staging.azure_cost
    GROUP BY user_id, part_id, billing_month
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
