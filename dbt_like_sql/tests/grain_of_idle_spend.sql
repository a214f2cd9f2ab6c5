-- marts.idle_spend has one row per day, provider, account, user and part.
-- If it fails, the mart is no longer a selection of marts.daily_cloud_spend: look at its join.
SELECT spend_date, provider, aws_account_id, user_id, part_id, count(*) AS times
FROM marts.idle_spend
GROUP BY spend_date, provider, aws_account_id, user_id, part_id
HAVING count(*) > 1
