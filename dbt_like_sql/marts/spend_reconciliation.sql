-- Compares the two AWS reports: each account's spend of a month by service with the growth of its accumulated spend.
-- A difference is expected if a day at the month's edge was not delivered (see carried_in), in the first month of the feed,
-- in a month that is still open, and after an unseen restart.
WITH
services AS (
    SELECT month, aws_account_id, sum(cost) AS total
    FROM marts.monthly_service_spend
    GROUP BY month, aws_account_id
),
accounts AS (
    SELECT
        date_trunc('month', spend_date)::DATE AS month,
        aws_account_id,
        sum(cost) AS increase,
        coalesce(sum(cost) FILTER (spend_date - days_covered + 1 < date_trunc('month', spend_date)), 0) AS carried_in
    FROM marts.daily_cloud_spend
    WHERE provider = 'aws'
    GROUP BY ALL
),
keys AS (
    SELECT month, aws_account_id FROM services
    UNION
    SELECT month, aws_account_id FROM accounts
),
-- NULL, not 0, if a report was not delivered for the month at all.
compared AS (
    SELECT
        keys.month,
        keys.aws_account_id,
        CASE WHEN keys.month IN (SELECT month FROM services) THEN coalesce(services.total, 0) END AS service_total,
        CASE WHEN keys.month IN (SELECT month FROM accounts) THEN coalesce(accounts.increase, 0) END AS account_increase,
        coalesce(accounts.carried_in, 0) AS carried_in
    FROM keys
    LEFT JOIN services ON services.month = keys.month AND services.aws_account_id = keys.aws_account_id
    LEFT JOIN accounts ON accounts.month = keys.month AND accounts.aws_account_id = keys.aws_account_id
)
SELECT
    month, -- First day of the month.
    aws_account_id, -- AWS account.
    service_total::DECIMAL(38, 9) AS service_total, -- US dollars in service_spend, exact; NULL if the month has no such file, or none with rows.
    account_increase::DECIMAL(38, 9) AS account_increase, -- US dollars by which aws_cost grew, exact; NULL if the month has no such file, or none with rows.
    (service_total - account_increase)::DECIMAL(38, 9) AS difference, -- service_total - account_increase; NULL if one is unknown.
    carried_in::DECIMAL(38, 9) AS carried_in -- Part of account_increase that also covers days of the previous month, because files in between were missing.
FROM compared
