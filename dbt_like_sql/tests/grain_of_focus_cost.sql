-- marts.focus_cost has one row per charge end, provider, account, part and user.
-- If it fails, marts.daily_cloud_spend has a day twice.
SELECT ChargePeriodEnd, ProviderName, SubAccountId, ResourceId, x_UserId, count(*) AS times
FROM marts.focus_cost
GROUP BY ChargePeriodEnd, ProviderName, SubAccountId, ResourceId, x_UserId
HAVING count(*) > 1
