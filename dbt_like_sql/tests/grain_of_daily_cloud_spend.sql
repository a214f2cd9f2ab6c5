-- marts.daily_cloud_spend has one row per day, provider, account, user and part.
-- If it fails, a join multiplies money: look at staging.spend_courses and at the keys of staging.aws_cost and staging.azure_cost.
SELECT spend_date, provider, aws_account_id, user_id, part_id, count(*) AS times
FROM marts.daily_cloud_spend
GROUP BY spend_date, provider, aws_account_id, user_id, part_id
HAVING count(*) > 1
