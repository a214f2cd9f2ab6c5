-- A course's hourly peak is at least 1 if a session starts in the hour, and at most the number of sessions that touch it. The
-- organisation's peak is at least that of each course, and at most their sum.
-- by day: staging.lab_session_days.day
-- by day: marts.lab_concurrency_hourly.hour::DATE
-- If it fails, the sweep of marts.lab_concurrency_hourly is wrong.
WITH
ran AS (
    SELECT unnest([course_id, NULL]) AS course_id, start_time, end_time
    FROM staging.lab_session_days
),
touched AS (
    SELECT course_id, hour, count(*) AS sessions
    FROM (
        SELECT
            course_id,
            unnest(generate_series(
                date_trunc('hour', start_time), end_time - INTERVAL 1 MICROSECOND, INTERVAL 1 HOUR
            )) AS hour
        FROM ran
    )
    GROUP BY course_id, hour
)
SELECT coalesce(touched.course_id, found.course_id) AS course_id, coalesce(touched.hour, found.hour) AS hour, peak_sessions, sessions
FROM touched
FULL JOIN marts.lab_concurrency_hourly AS found ON found.course_id IS NOT DISTINCT FROM touched.course_id AND found.hour = touched.hour
WHERE coalesce(found.peak_sessions, 0) NOT BETWEEN 1 AND coalesce(touched.sessions, 0)
UNION ALL
SELECT NULL, hour, max(peak_sessions) FILTER (course_id IS NULL), sum(peak_sessions) FILTER (course_id IS NOT NULL)
FROM marts.lab_concurrency_hourly
GROUP BY hour
HAVING NOT coalesce(
    max(peak_sessions) FILTER (course_id IS NULL)
    BETWEEN max(peak_sessions) FILTER (course_id IS NOT NULL) AND sum(peak_sessions) FILTER (course_id IS NOT NULL), false
)
