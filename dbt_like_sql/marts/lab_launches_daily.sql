-- Launches per day, course and lab type, their failures, and how long people waited for the lab. The percentiles describe only the row's
-- own launches: use marts.lab_launches_weekly for those of weeks and of the organisation.
-- by day: session_date = date
SELECT
    session_date AS date, -- UTC day of the start, or of the launch if it failed.
    course_id, -- Vocareum id of the course. -> marts.course_summary
    lab_type, -- Kind of lab; NULL if not delivered.
    count(*) AS launches, -- Sessions, including failed launches.
    count(*) FILTER (NOT succeeded) AS failures, -- Launches whose machine never started.
    quantile_disc(launch_to_ready_seconds, 0.5) AS p50, -- Median of the seconds from launch to ready. Do not sum or average percentiles, or take their maximum.
    quantile_disc(launch_to_ready_seconds, 0.9) AS p90, -- 90th percentile of the seconds from launch to ready. Do not sum or average.
    quantile_disc(launch_to_ready_seconds, 0.99) AS p99 -- 99th percentile of the seconds from launch to ready. Do not sum or average.
FROM marts.lab_sessions
GROUP BY session_date, course_id, lab_type
