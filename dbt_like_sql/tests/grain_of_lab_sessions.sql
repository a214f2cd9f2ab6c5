-- marts.lab_sessions has one row per session.
-- by day: marts.lab_sessions.session_date
-- If it fails, two sessions share user, course, part, launch and start: find what distinguishes them and add it to session_id and staging.lab_sessions.
SELECT session_id, count(*) AS times
FROM marts.lab_sessions
GROUP BY session_id
HAVING count(*) > 1
