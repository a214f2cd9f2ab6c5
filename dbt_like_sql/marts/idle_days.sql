-- Idle spend per day and part, from the second day after a session, as a bill may lag its session by a day. The report uses it. A value
-- of marts.idle_spend that covers several days is spread evenly over them, as in marts.spend_days, without the share of a day right
-- after a session. A day without a row had no idle spend only if its files are loaded: see marts.data_completeness.
WITH
totals AS (
    SELECT
        course_id, course_name, part_id, provider, spend_date, days_covered, sum(cost) AS total,
        coalesce(days_since_session = 1, false) AS follows_a_session
    FROM marts.idle_spend
    GROUP BY ALL
),
shares AS (
    SELECT *, (total / days_covered)::DECIMAL(38, 9) AS share, unnest(range(days_covered))::INTEGER AS days_before
    FROM totals
),
spread AS (
    SELECT
        spend_date - days_before AS day, course_id, course_name, part_id, provider,
        CASE WHEN days_covered > 1 THEN 'spread over several days' ELSE 'as delivered' END AS dating,
        CASE WHEN days_before = 0 THEN total - share * (days_covered - 1) ELSE share END AS cost
    FROM shares
    WHERE NOT (follows_a_session AND days_before = days_covered - 1)
)
SELECT
    spread.day, -- UTC day.
    spread.course_id, -- Course of the part; NULL if the part is unmapped, or mapped to several courses without evidence for one. -> marts.course_summary
    spread.course_name, -- Name of the course; NULL if course_id is, or if course_mapping never listed it.
    spread.part_id, -- Vocareum id of the part. -> marts.part_lineage, unless no mapping lists the part.
    spread.provider, -- aws or azure.
    spread.dating, -- How the day is known: as delivered, or spread over several days (that a value covers).
    sum(spread.cost)::DECIMAL(38, 9) AS cost -- US dollars, exact in total; a share of several days is an even estimate.
FROM spread
GROUP BY spread.day, spread.course_id, spread.course_name, spread.part_id, spread.provider, spread.dating
