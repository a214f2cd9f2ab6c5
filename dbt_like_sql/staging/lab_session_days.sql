-- The part of each ended session within each UTC day, cut at midnight. A session counts until counted_end, that is, for at most 31 days.
WITH
ran AS (
    SELECT session_date, course_id, start_time, counted_end AS end_time, session_date + INTERVAL 1 DAY AS midnight
    FROM marts.lab_sessions
    WHERE start_time < counted_end
)
SELECT
    session_date AS day, -- UTC day.
    course_id, -- Vocareum id of the course, as delivered.
    start_time, -- Start of the session, or of the day (UTC).
    least(end_time, midnight) AS end_time -- End of the session, or of the day (UTC); not part of it.
FROM ran
UNION ALL
SELECT moment::DATE, course_id, moment, least(end_time, moment + INTERVAL 1 DAY)
FROM (
    SELECT course_id, end_time, unnest(generate_series(midnight, end_time - INTERVAL 1 MICROSECOND, INTERVAL 1 DAY)) AS moment
    FROM ran
    WHERE midnight < end_time
)
