-- The parts of days in staging.lab_session_days add up to the length of the sessions in marts.lab_sessions, per course; a session
-- counts for at most 31 days. Each part is within its day. If it fails, look at how staging.lab_session_days cuts at midnight.
WITH
parts AS (
    SELECT
        course_id, sum(epoch_us(end_time) - epoch_us(start_time)) AS lasted,
        count(*) FILTER (start_time < day OR end_time > day + INTERVAL 1 DAY) AS outside
    FROM staging.lab_session_days
    GROUP BY course_id
),
sessions AS (
    SELECT course_id, sum(least(epoch_us(end_time) - epoch_us(start_time), 31 * 86_400_000_000)) AS lasted
    FROM marts.lab_sessions
    WHERE start_time < end_time
    GROUP BY course_id
)
SELECT coalesce(sessions.course_id, parts.course_id) AS course_id, sessions.lasted AS expected, parts.lasted AS found, parts.outside
FROM sessions
FULL JOIN parts ON parts.course_id = sessions.course_id
WHERE sessions.lasted IS DISTINCT FROM parts.lasted OR parts.outside > 0
