-- AWS spend accumulated by the end of each delivered day, one row per day, account, user and part.
-- If a file lists an account, user and part twice, the greatest amount counts, and every negative one (a credit) is added to it.
SELECT
    file_date, -- UTC day that the file covers.
    aws_account_id, -- AWS account assigned to the user; accounts are reused for other users.
    user_id, -- Vocareum id of the user.
    part_id, -- Vocareum id of the part.
    (coalesce(max(cost) FILTER (cost >= 0), 0) + coalesce(sum(cost) FILTER (cost < 0), 0))::DECIMAL(38, 9) AS accumulated, -- US dollars since the accumulation began. Do not sum over days.
    (max(cost) FILTER (cost >= 0))::DECIMAL(38, 9) AS charged, -- US dollars accumulated before credits; NULL if the file lists only credits. Do not sum over days.
    max(deactivation_date) AS deactivated_at -- When the account was deactivated (UTC); NULL if it is active, or if not delivered.
FROM raw.aws_cost
GROUP BY file_date, aws_account_id, user_id, part_id
