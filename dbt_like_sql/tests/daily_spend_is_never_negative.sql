-- No day's spend is negative, and each covers at least a day: where an accumulated value falls, a new accumulation began.
-- If it fails, look at how marts.daily_cloud_spend treats resets.
SELECT spend_date, provider, aws_account_id, user_id, part_id
FROM marts.daily_cloud_spend
WHERE cost < 0 OR cost IS NULL OR days_covered < 1 OR days_covered IS NULL
