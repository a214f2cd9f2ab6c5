-- Each month's service spend equals that of raw.service_spend to the last decimal, counting the greatest of repeated amounts and every
-- negative one. If it fails, marts.monthly_service_spend loses or multiplies money: look at its join and its GROUP BY.
WITH
delivered AS (
    SELECT month, sum(cost) AS cost
    FROM (
        SELECT file_month AS month, max(cost) AS cost
        FROM raw.service_spend
        WHERE cost >= 0
        GROUP BY file_month, aws_account_id, user_id, course_id, part_id, service
        UNION ALL
        SELECT file_month, cost
        FROM raw.service_spend
        WHERE cost < 0
    )
    GROUP BY month
),
found AS (SELECT month, sum(cost) AS cost FROM marts.monthly_service_spend GROUP BY month)
SELECT coalesce(delivered.month, found.month) AS month, delivered.cost AS delivered, found.cost AS found
FROM delivered
FULL JOIN found ON found.month = delivered.month
WHERE delivered.cost IS DISTINCT FROM found.cost
