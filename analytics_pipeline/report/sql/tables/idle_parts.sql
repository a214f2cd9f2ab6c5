-- The parts with the most idle spend per period. For the newest idle day of the part: its people, its cost, and the longest time since
-- a session. Idle days are those of marts.idle_days, so not the day right after a session.
WITH
idle AS (
    SELECT coalesce(courses.course, 'unknown') AS course, days.part_id, days.day, sum(days.cost) AS cost
    FROM marts.idle_days AS days
    LEFT JOIN courses ON courses.course_id = days.course_id
    GROUP BY ALL
),
spent AS (
    SELECT
        idle.course, idle.part_id,
        sum(idle.cost) FILTER (windows.period = '30') AS idle_30,
        sum(idle.cost) FILTER (windows.period = '90') AS idle_90,
        sum(idle.cost) FILTER (windows.period = 'month') AS idle_month,
        sum(idle.cost) FILTER (windows.period = 'term') AS idle_term,
        sum(idle.cost) FILTER (windows.period = 'all') AS idle_all
    FROM idle
    JOIN windows
        ON windows.scope = regexp_replace(idle.course, '^other.*', 'other') AND windows.what = 'spend'
        AND idle.day BETWEEN windows.since AND windows.until
    GROUP BY ALL
    HAVING idle_all > 0
),
last_days AS (SELECT course, part_id, max(day) AS day, arg_max(cost, day) AS cost FROM idle GROUP BY ALL),
-- The idle days of each person: the days that a value covers, but not one right after a session.
people AS (
    SELECT
        coalesce(courses.course, 'unknown') AS course, idle.part_id, idle.user_id, idle.spend_date AS until,
        idle.spend_date - idle.days_covered + 1 AS covered_from, idle.days_since_session,
        covered_from + coalesce(days_since_session = 1, false)::INTEGER AS since
    FROM marts.idle_spend AS idle
    LEFT JOIN courses ON courses.course_id = idle.course_id
),
newest AS (
    SELECT
        last_days.course, last_days.part_id, last_days.day AS last_day, last_days.cost AS per_day,
        count(DISTINCT people.user_id) AS people,
        max(people.days_since_session + last_days.day - people.covered_from) AS age
    FROM last_days
    JOIN people
        ON people.course = last_days.course AND people.part_id = last_days.part_id
        AND last_days.day BETWEEN people.since AND people.until
    GROUP BY ALL
)
SELECT
    spent.course, spent.part_id, coalesce(isolated(parts.part_name), 'Part ' || spent.part_id, 'Unnamed part') AS part,
    round(spent.idle_30, 2)::DOUBLE AS idle_30, round(spent.idle_90, 2)::DOUBLE AS idle_90, round(spent.idle_month, 2)::DOUBLE AS idle_month,
    round(spent.idle_term, 2)::DOUBLE AS idle_term, round(spent.idle_all, 2)::DOUBLE AS idle_all,
    newest.last_day, newest.people, round(newest.per_day, 2)::DOUBLE AS per_day, newest.age::INTEGER AS age
FROM spent
JOIN newest ON newest.course = spent.course AND newest.part_id = spent.part_id
LEFT JOIN marts.part_lineage AS parts ON parts.part_id = spent.part_id
ORDER BY coalesce(spent.idle_90, 0) DESC, spent.idle_all DESC, spent.course, spent.part_id
LIMIT getvariable('most_parts')
