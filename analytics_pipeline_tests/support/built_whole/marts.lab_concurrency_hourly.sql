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
    hour,
    course_id,
    max(running)::BIGINT AS peak_sessions
FROM spread
GROUP BY hour, course_id
