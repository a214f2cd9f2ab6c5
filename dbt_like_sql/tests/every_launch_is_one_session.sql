-- Each launch of a user, course and part is one session. A returned row is a launch that is delivered with several starts, or both with and
-- without a start, as two days' files might list a session over midnight. It counts as several sessions, or also as a failed launch.
-- severity: warn
-- If it fails, compare the launch's rows in staging.lab_session_rows, and ask Vocareum which of them is the session.
SELECT
    user_id, course_id, part_id, launch_time, count(*) AS sessions, count(*) FILTER (start_time IS NULL) AS without_start
FROM marts.lab_sessions
WHERE launch_time IS NOT NULL
GROUP BY user_id, course_id, part_id, launch_time
HAVING count(*) > 1
