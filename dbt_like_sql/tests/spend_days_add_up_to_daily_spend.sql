-- The spend of all days equals that of marts.daily_cloud_spend by course, provider and opening balance, to the last decimal, and so does
-- what marts.course_summary takes from it. If it fails, look at how marts.spend_days spreads costs.
WITH
days AS (
    SELECT course_id, provider, dating = 'before the first file' AS is_opening_balance, sum(cost) AS cost
    FROM marts.spend_days
    GROUP BY ALL
),
spent AS (
    SELECT course_id, provider, is_opening_balance, sum(cost) AS cost
    FROM marts.daily_cloud_spend
    GROUP BY ALL
    HAVING sum(cost) <> 0
),
summary AS (
    SELECT course_id, spend AS cost, opening_balance AS opening
    FROM marts.course_summary
    WHERE spend <> 0 OR opening_balance <> 0
),
by_course AS (
    SELECT course_id, sum(cost) AS cost, coalesce(sum(cost) FILTER (is_opening_balance), 0) AS opening
    FROM days
    GROUP BY course_id
    HAVING sum(cost) <> 0 OR opening <> 0
)
(
    SELECT 'daily_cloud_spend' AS side, course_id, provider, is_opening_balance, cost FROM spent
    EXCEPT
    SELECT 'daily_cloud_spend', course_id, provider, is_opening_balance, cost FROM days
)
UNION ALL
(
    SELECT 'spend_days', course_id, provider, is_opening_balance, cost FROM days WHERE cost <> 0
    EXCEPT
    SELECT 'spend_days', course_id, provider, is_opening_balance, cost FROM spent
)
UNION ALL
(
    SELECT 'course_summary', course_id, NULL, NULL, cost
    FROM (
        (SELECT * FROM by_course EXCEPT SELECT * FROM summary)
        UNION ALL
        (SELECT * FROM summary EXCEPT SELECT * FROM by_course)
    )
)
