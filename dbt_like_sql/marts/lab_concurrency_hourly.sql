-- Peak number of concurrent sessions per hour, for each course and for the whole organisation (course_id NULL). Courses peak at different
-- times, so their peaks don't add up. Hours without sessions are not listed. Sessions without an end are not counted, so the newest day
-- may be low.
-- Sweeps over starts and ends: the number is constant between two of them, so the work grows with their number and not with the length of
-- sessions. An end and a start in the same second don't overlap. A session counts for at most 31 days, as in marts.lab_sessions.
-- by day: day = hour::DATE
WITH
ran AS (
    SELECT day, unnest([course_id, NULL]) AS course_id, start_time, end_time
    FROM staging.lab_session_days
),
changes AS (
    SELECT day, course_id, moment, sum(step)::BIGINT AS step
    FROM (
        SELECT day, course_id, start_time AS moment, 1 AS step FROM ran
        UNION ALL
        SELECT day, course_id, end_time, -1 FROM ran
    )
    GROUP BY day, course_id, moment
),
levels AS (
    SELECT
        course_id,
        moment,
        lead(moment) OVER swept AS until,
        sum(step) OVER swept AS running
    FROM changes
    WINDOW swept AS (PARTITION BY day, course_id ORDER BY moment)
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
    hour, -- Start of the hour (UTC).
    course_id, -- Vocareum id of the course; NULL in the row for the whole organisation. -> marts.course_summary
    max(running)::BIGINT AS peak_sessions -- Most sessions running at the same time within the hour. A session delivered for two courses counts in each, and twice in the organisation. Do not sum over courses or hours: use the organisation's row, or the maximum over hours.
FROM spread
GROUP BY hour, course_id
