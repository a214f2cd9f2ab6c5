CREATE OR REPLACE TEMP TABLE session_days AS
SELECT
    course, session_date AS day, count(*) AS sessions, count(*) FILTER (NOT succeeded) AS failed, count(*) FILTER (NOT was_ready) AS never_ready,
    coalesce(sum(minutes), 0) AS minutes
FROM sessions
GROUP BY ALL;
