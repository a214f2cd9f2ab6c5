-- A day's spend is negative only if an accumulation begins and a negative value was reported since: a credit that exceeds the spend.
-- Each amount covers at least a day. If it fails, look at how marts.daily_cloud_spend reads falls.
WITH
credits AS (
    SELECT 'aws' AS provider, aws_account_id, user_id, part_id, max(file_date) AS last_on
    FROM raw.aws_cost
    WHERE cost < 0
    GROUP BY aws_account_id, user_id, part_id
    UNION ALL
    SELECT 'azure', NULL, user_id, part_id, max(make_date(year, month, 1))
    FROM raw.azure_cost
    WHERE monthly_cost_to_date < 0
    GROUP BY user_id, part_id
)
SELECT spend.spend_date, spend.provider, spend.aws_account_id, spend.user_id, spend.part_id
FROM marts.daily_cloud_spend AS spend
LEFT JOIN credits
    ON credits.provider = spend.provider AND credits.aws_account_id IS NOT DISTINCT FROM spend.aws_account_id
    AND credits.user_id = spend.user_id AND credits.part_id = spend.part_id
WHERE spend.cost IS NULL OR spend.days_covered < 1 OR spend.days_covered IS NULL
OR (spend.cost < 0 AND NOT ((spend.is_first OR spend.is_reset) AND coalesce(
    CASE spend.provider WHEN 'aws' THEN credits.last_on >= spend.spend_date
    ELSE credits.last_on >= date_trunc('month', spend.spend_date) END, false)))
