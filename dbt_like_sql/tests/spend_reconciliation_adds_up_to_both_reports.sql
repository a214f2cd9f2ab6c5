-- Each month's totals in marts.spend_reconciliation equal those of the marts that it compares, and difference is theirs.
-- If it fails, an account is lost or listed twice: look at the subquery `keys`.
WITH
compared AS (
    SELECT month, sum(service_total) AS services, sum(account_increase) AS accounts, sum(difference) AS difference
    FROM marts.spend_reconciliation
    GROUP BY month
),
services AS (SELECT month, sum(cost) AS cost FROM marts.monthly_service_spend GROUP BY month),
accounts AS (
    SELECT date_trunc('month', spend_date)::DATE AS month, sum(cost) AS cost
    FROM marts.daily_cloud_spend
    WHERE provider = 'aws'
    GROUP BY ALL
),
months AS (SELECT month FROM compared UNION SELECT month FROM services UNION SELECT month FROM accounts)
SELECT months.month, compared.services, services.cost AS expected_services, compared.accounts, accounts.cost AS expected_accounts
FROM months
LEFT JOIN compared ON compared.month = months.month
LEFT JOIN services ON services.month = months.month
LEFT JOIN accounts ON accounts.month = months.month
WHERE compared.services IS DISTINCT FROM services.cost
OR compared.accounts IS DISTINCT FROM accounts.cost
OR compared.difference IS DISTINCT FROM services.cost - accounts.cost
