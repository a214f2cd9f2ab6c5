-- To the last decimal, the charges in marts.focus_cost equal the days in marts.daily_cloud_spend per account, part, user and billing
-- period. Each charge ends within its billing period. If it fails, look at the WHERE and the dates of marts.focus_cost.
WITH
charges AS (
    SELECT
        lower(replace(ProviderName, 'Microsoft', 'azure')) AS provider, SubAccountId AS aws_account_id, ResourceId::BIGINT AS part_id,
        x_UserId AS user_id, BillingPeriodStart::DATE AS month, sum(BilledCost) AS cost,
        sum(date_diff('day', ChargePeriodStart, ChargePeriodEnd)) AS days
    FROM marts.focus_cost
    GROUP BY ALL
),
spent AS (
    SELECT provider, aws_account_id, part_id, user_id, make_date(year(spend_date), month(spend_date), 1) AS month, sum(cost) AS cost, sum(days_covered) AS days
    FROM marts.daily_cloud_spend
    WHERE cost < 0 OR cost > 0
    GROUP BY ALL
)
(SELECT 'focus_cost' AS side, * FROM charges EXCEPT SELECT 'focus_cost', * FROM spent)
UNION ALL
(SELECT 'daily_cloud_spend', * FROM spent EXCEPT SELECT 'daily_cloud_spend', * FROM charges)
UNION ALL
SELECT 'billing period', ProviderName, SubAccountId, NULL, x_UserId, BillingPeriodStart::DATE, BilledCost, NULL
FROM marts.focus_cost
WHERE NOT coalesce(
    ChargePeriodStart < ChargePeriodEnd AND BillingPeriodStart < ChargePeriodEnd AND ChargePeriodEnd <= BillingPeriodEnd
    AND (ChargeCategory = 'Credit') = (BilledCost < 0), false)
