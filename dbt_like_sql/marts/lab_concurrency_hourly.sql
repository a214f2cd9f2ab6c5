-- The most sessions that ran at the same moment in each hour, in each course and in the whole organisation (course_id NULL): courses
-- peak at different moments, so their peaks don't add up. Hours in which nothing ran are not listed, and sessions without an end are
-- not counted: the newest day may be low.
-- A sweep over starts and ends: between two of them the number is constant, so work grows with their number and not with how
-- long sessions last. An end and a start in the same second don't overlap. A session counts for 31 days at most: a longer one
-- is a clock gone wrong.
WITH
ran AS (
    SELECT unnest([course_id, NULL]) AS course_id, start_time, least(end_time, start_time + INTERVAL 31 DAY) AS end_time
    FROM marts.lab_sessions
    WHERE start_time < end_time
),
changes AS (
    SELECT course_id, moment, sum(step)::BIGINT AS step
    FROM (
        SELECT course_id, start_time AS moment, 1 AS step FROM ran
        UNION ALL
        SELECT course_id, end_time, -1 FROM ran
    )
    GROUP BY course_id, moment
),
levels AS (
    SELECT
        course_id,
        moment,
        lead(moment) OVER swept AS until,
        sum(step) OVER swept AS running
    FROM changes
    WINDOW swept AS (PARTITION BY course_id ORDER BY moment)
),
spread AS (
    SELECT
        course_id,
        running,
        unnest(generate_series(
            date_trunc('hour', moment), until - INTERVAL 1 MICROSECOND, INTERVAL 1 HOUR
        )) AS hour
    FROM levels
    WHERE running > 0
)
SELECT
    hour, -- Begin of the hour (UTC).
    course_id, -- Vocareum id of the course; NULL in the hour's row for the whole organisation.
    max(running)::BIGINT AS peak_sessions -- Most sessions running at the same moment of the hour. Not to be summed over courses or hours: take the row of the organisation, or the maximum of hours.
FROM spread
GROUP BY hour, course_id
