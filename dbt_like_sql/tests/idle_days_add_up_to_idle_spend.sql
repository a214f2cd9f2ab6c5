-- The idle days of a course and part add up to its idle spend, without that of first days after a session: the full value if it covers
-- one day, otherwise an even share, to the ninth decimal per value. If it fails, look at how marts.idle_days spreads costs.
WITH
days AS (SELECT course_id, part_id, sum(cost) AS cost FROM marts.idle_days GROUP BY ALL),
spent AS (
    SELECT
        course_id,
        part_id,
        sum(cost) - coalesce(sum(cost / days_covered) FILTER (days_since_session = 1), 0) AS cost,
        count(*) AS times,
        bool_or(days_covered > 1 OR days_since_session IS DISTINCT FROM 1) AS has_days
    FROM marts.idle_spend
    GROUP BY ALL
)
SELECT coalesce(spent.course_id, days.course_id) AS course_id, coalesce(spent.part_id, days.part_id) AS part_id, spent.cost, days.cost AS cost_of_days
FROM (SELECT * FROM spent WHERE has_days) AS spent
FULL JOIN days ON days.course_id IS NOT DISTINCT FROM spent.course_id AND days.part_id IS NOT DISTINCT FROM spent.part_id
WHERE days.cost IS NULL OR spent.cost IS NULL OR abs(spent.cost - days.cost) > 0.000000001 * spent.times
