-- Idle spend from the second day after a session, as a bill may lag its session by a day. Spread as in marts.spend_days.
CREATE OR REPLACE TEMP TABLE idle_part_days AS
WITH
totals AS (
    SELECT
        coalesce(courses.course, 'unknown') AS course, idle.part_id, idle.spend_date, idle.days_covered, sum(idle.cost) AS total,
        coalesce(idle.days_since_session = 1, false) AS follows_a_session
    FROM marts.idle_spend AS idle
    LEFT JOIN courses ON courses.course_id = idle.course_id
    GROUP BY ALL
),
shares AS (
    SELECT *, (total / days_covered)::DECIMAL(38, 9) AS share, unnest(range(days_covered))::INTEGER AS days_before
    FROM totals
)
SELECT
    course,
    part_id,
    spend_date - days_before AS day,
    CASE WHEN days_covered > 1 THEN 'spread over several days' ELSE 'as delivered' END AS dating,
    CASE WHEN days_before = 0 THEN total - share * (days_covered - 1) ELSE share END AS cost
FROM shares
WHERE NOT (follows_a_session AND days_before = days_covered - 1);

CREATE OR REPLACE TEMP TABLE idle_days AS
SELECT course, day, dating, sum(cost) AS cost
FROM idle_part_days
GROUP BY ALL;
