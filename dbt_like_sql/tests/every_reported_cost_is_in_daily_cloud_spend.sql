-- marts.daily_cloud_spend holds exactly the days, accounts, users and parts of raw.aws_cost, and the users, parts and months of
-- raw.azure_cost. If it fails, rows are lost or invented between raw and the mart: compare staging.aws_cost and staging.azure_cost with
-- the returned rows.
WITH
delivered AS (
    SELECT DISTINCT 'aws' AS provider, file_date AS period, aws_account_id, user_id, part_id FROM raw.aws_cost
    UNION ALL
    SELECT DISTINCT 'azure', make_date(year, month, 1), NULL, user_id, part_id FROM raw.azure_cost
),
found AS (
    SELECT DISTINCT
        provider,
        CASE provider WHEN 'aws' THEN spend_date ELSE date_trunc('month', spend_date)::DATE END AS period,
        aws_account_id, user_id, part_id
    FROM marts.daily_cloud_spend
)
(SELECT 'raw' AS side, * FROM delivered EXCEPT SELECT 'raw', * FROM found)
UNION ALL
(SELECT 'daily_cloud_spend', * FROM found EXCEPT SELECT 'daily_cloud_spend', * FROM delivered)
