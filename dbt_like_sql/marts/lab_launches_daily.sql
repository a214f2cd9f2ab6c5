-- Launches of each day, course and lab type, how many failed, and how long people waited for their lab. The percentiles are of a row's
-- own launches and say nothing of several rows together: marts.lab_launches_weekly has those of weeks and of the organisation.
SELECT
    session_date AS date, -- UTC day of the start, or of the launch where it failed.
    course_id, -- Vocareum id of the course.
    lab_type, -- Kind of lab; NULL where it is not delivered.
    count(*) AS launches, -- Sessions, failed launches included.
    count(*) FILTER (NOT succeeded) AS failures, -- Launches whose machine never started.
    quantile_disc(launch_to_ready_seconds, 0.5) AS p50, -- Median of the seconds from launch to ready. Percentiles are not to be summed, averaged or compared by their maximum.
    quantile_disc(launch_to_ready_seconds, 0.9) AS p90, -- Nine of ten labs were ready within this many seconds. Not to be summed or averaged.
    quantile_disc(launch_to_ready_seconds, 0.99) AS p99 -- 99 of 100 labs were ready within this many seconds. Not to be summed or averaged.
FROM marts.lab_sessions
GROUP BY session_date, course_id, lab_type
