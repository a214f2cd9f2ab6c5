-- The parts with the most idle spend per period. For the newest day with idle spend of the part: its people, its cost, and the longest
-- time since a session.
WITH
spent AS (
    SELECT
        idle.course, idle.part_id,
        sum(idle.cost) FILTER (windows.period = '30') AS idle_30,
        sum(idle.cost) FILTER (windows.period = '90') AS idle_90,
        sum(idle.cost) FILTER (windows.period = 'month') AS idle_month,
        sum(idle.cost) FILTER (windows.period = 'term') AS idle_term,
        sum(idle.cost) FILTER (windows.period = 'all') AS idle_all
    FROM (
        SELECT coalesce(courses.course, 'unknown') AS course, days.part_id, days.day, sum(days.cost) AS cost
        FROM marts.idle_days AS days
        LEFT JOIN courses ON courses.course_id = days.course_id
        GROUP BY ALL
    ) AS idle
    JOIN windows
        ON windows.scope = regexp_replace(idle.course, '^other.*', 'other') AND windows.what = 'spend'
        AND idle.day BETWEEN windows.since AND windows.until
    GROUP BY ALL
    HAVING idle_all > 0
),
last_days AS (SELECT course_id, part_id, max(spend_date) AS day FROM marts.idle_spend GROUP BY course_id, part_id),
newest AS (
    SELECT
        coalesce(courses.course, 'unknown') AS course, idle.part_id, max(idle.spend_date) AS last_day,
        count(DISTINCT idle.user_id) AS people,
        sum(idle.cost / idle.days_covered) AS per_day,
        max(idle.days_since_session + idle.days_covered - 1) AS age
    FROM marts.idle_spend AS idle
    JOIN last_days
        ON last_days.course_id IS NOT DISTINCT FROM idle.course_id AND last_days.part_id = idle.part_id
        AND last_days.day = idle.spend_date
    LEFT JOIN courses ON courses.course_id = idle.course_id
    GROUP BY ALL
)
SELECT
    spent.course, spent.part_id, coalesce(isolated(parts.part_name), 'Part ' || spent.part_id, 'Unnamed part') AS part,
    round(spent.idle_30, 2)::DOUBLE AS idle_30, round(spent.idle_90, 2)::DOUBLE AS idle_90, round(spent.idle_month, 2)::DOUBLE AS idle_month,
    round(spent.idle_term, 2)::DOUBLE AS idle_term, round(spent.idle_all, 2)::DOUBLE AS idle_all,
    newest.last_day, newest.people, round(newest.per_day, 2)::DOUBLE AS per_day, newest.age::INTEGER AS age
FROM spent
LEFT JOIN newest ON newest.course = spent.course AND newest.part_id IS NOT DISTINCT FROM spent.part_id
LEFT JOIN marts.part_lineage AS parts ON parts.part_id = spent.part_id
ORDER BY coalesce(spent.idle_90, 0) DESC, spent.idle_all DESC, spent.course, spent.part_id
LIMIT getvariable('most_parts')
