-- Spend per course, day and provider; the source of money in the report, the README and the summaries. A cost that covers several days is
-- spread evenly over them, to the ninth decimal, with the remainder on the last day, so that it ties exactly with marts.daily_cloud_spend.
-- For a time series exclude dating = 'before the first file', which is not spend of its day. A day without a row cost nothing only if its
-- file is loaded: see marts.data_completeness.
WITH
spent AS (
    SELECT provider, course_id, spend_date, days_covered, is_opening_balance, sum(cost) AS total
    FROM marts.daily_cloud_spend
    GROUP BY ALL
    HAVING sum(cost) <> 0
),
shares AS (
    SELECT
        *,
        (total / days_covered)::DECIMAL(38, 9) AS share,
        unnest(range(days_covered))::INTEGER AS days_before
    FROM spent
),
spread AS (
    SELECT
        spend_date - days_before AS day,
        course_id,
        provider,
        CASE
            WHEN is_opening_balance THEN 'before the first file'
            WHEN days_covered > 1 THEN 'spread over several days'
            ELSE 'as delivered'
        END AS dating,
        CASE WHEN days_before = 0 THEN total - share * (days_covered - 1) ELSE share END AS cost
    FROM shares
)
SELECT
    spread.day, -- UTC day.
    spread.course_id, -- Course of the part; NULL if the part is unmapped, or mapped to several courses without evidence for one. -> marts.course_summary
    courses.course_name, -- Name of the course; NULL if course_id is, or if course_mapping never listed it.
    spread.provider, -- aws or azure.
    spread.dating, -- How the day is known: as delivered, spread over several days (that a value covers), or before the first file (an opening balance of AWS, accumulated at an unknown time before the first file that shows it).
    sum(spread.cost)::DECIMAL(38, 9) AS cost, -- US dollars, exact in total; a share of several days is an even estimate. Negative if credits exceed the spend.
    coalesce(bool_or(files.loaded AND NOT files.newest_failed) AND spread.dating <> 'before the first file', false) AS is_complete -- Whether the provider's file of that day is loaded in its newest version. Otherwise part of the day's spend may be missing or dated to a later day.
FROM spread
LEFT JOIN marts.data_completeness AS files ON files.dataset = spread.provider || '_cost' AND files.period = spread.day
LEFT JOIN staging.courses AS courses ON courses.course_id = spread.course_id
GROUP BY spread.day, spread.course_id, courses.course_name, spread.provider, spread.dating
