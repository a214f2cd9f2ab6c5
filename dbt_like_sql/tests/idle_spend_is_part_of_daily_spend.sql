-- Every row of marts.idle_spend is in marts.daily_cloud_spend with the same cost, and no session of that user and part runs on the days
-- that it covers. If it fails, look at the joins of marts.idle_spend.
SELECT idle.spend_date, idle.provider, idle.aws_account_id, idle.user_id, idle.part_id
FROM marts.idle_spend AS idle
LEFT JOIN marts.daily_cloud_spend AS spend
    ON spend.spend_date = idle.spend_date AND spend.provider = idle.provider
    AND spend.aws_account_id IS NOT DISTINCT FROM idle.aws_account_id
    AND spend.user_id = idle.user_id AND spend.part_id = idle.part_id
WHERE spend.cost IS DISTINCT FROM idle.cost
UNION ALL
SELECT idle.spend_date, idle.provider, idle.aws_account_id, idle.user_id, idle.part_id
FROM marts.idle_spend AS idle
SEMI JOIN marts.lab_sessions AS sessions
    ON sessions.user_id = idle.user_id AND sessions.part_id = idle.part_id
    AND sessions.session_date <= idle.spend_date AND sessions.last_day > idle.spend_date - idle.days_covered
