-- marts.spend_reconciliation has one row per month and account.
-- If it fails, look at the keys of its three subqueries.
SELECT month, aws_account_id, count(*) AS times
FROM marts.spend_reconciliation
GROUP BY month, aws_account_id
HAVING count(*) > 1
