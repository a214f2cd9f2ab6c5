-- Each launch of a user, course and part is one session. A returned row is a launch that is delivered with several starts, or with and
-- without one, as two days' files might list it over midnight. Its sessions, and failed launches, are counted too often.
-- severity: warn
-- If it fails, compare the launch's rows in staging.lab_session_rows, and ask Vocareum which of them is the session.
SELECT
    user_id, course_id, part_id, launch_time, count(*) AS sessions, count(*) FILTER (start_time IS NULL) AS without_start
FROM marts.lab_sessions
WHERE launch_time IS NOT NULL
GROUP BY user_id, course_id, part_id, launch_time
HAVING count(*) > 1
