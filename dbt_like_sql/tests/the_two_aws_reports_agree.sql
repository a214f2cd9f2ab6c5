-- The two AWS reports agree on each closed month, within 1 % and 1 USD. A month whose first or last day may include other days, as a
-- file between them was not delivered, is not compared; neither is the first month.
-- severity: warn
-- If it fails, look at marts.spend_reconciliation for the accounts that differ: AWS restarted an accumulation without a visible fall, or
-- one report is wrong. Ask Vocareum about the largest.
WITH
loaded AS (
    SELECT period AS day
    FROM marts.data_completeness
    WHERE dataset = 'aws_cost' AND loaded
),
months AS (
    SELECT month, sum(service_total) AS by_service, sum(account_increase) AS by_account
    FROM marts.spend_reconciliation
    GROUP BY month
)
SELECT month, by_service, by_account, by_service - by_account AS difference
FROM months
WHERE
    month - 1 IN (SELECT day FROM loaded)
    AND last_day(month) IN (SELECT day FROM loaded)
    -- Vocareum rewrites a month's service_spend until it closes it.
    AND last_day(month) + 3 <= (SELECT max(day) FROM loaded)
    AND abs(by_service - by_account) > greatest(1, by_service / 100, by_account / 100)
