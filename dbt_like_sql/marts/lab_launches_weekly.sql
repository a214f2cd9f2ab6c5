-- Launches per week, their failures, and how long people waited for the lab: per course and lab type, per course, per lab type, and for
-- the organisation. Rows overlap: fix course_id and lab_type (NULL means all) before summing. Percentiles are computed from the week's
-- sessions, as those of days or courses can't be combined.
-- by day: date_trunc('week', session_date)::DATE = week
WITH
launched AS (
    SELECT
        date_trunc('week', session_date)::DATE AS week, course_id, coalesce(lab_type, 'unknown') AS lab_type, succeeded, launch_to_ready_seconds
    FROM marts.lab_sessions
)
SELECT
    week, -- Monday of the week (UTC) of the start, or of the launch if it failed.
    course_id, -- Vocareum id of the course; NULL for all courses. -> marts.course_summary
    lab_type, -- Kind of lab, `unknown` if not delivered; NULL for all kinds.
    count(*) AS launches, -- Sessions, including failed launches. A session delivered for two courses counts in each, and twice if course_id is NULL.
    count(*) FILTER (NOT succeeded) AS failures, -- Launches whose machine never started.
    count(launch_to_ready_seconds) AS waits, -- Launches with a known wait. With fewer than 10, p90 is the longest wait; with fewer than 100, p99 is.
    quantile_disc(launch_to_ready_seconds, 0.5) AS p50, -- Median of the seconds from launch to ready. Do not sum or average.
    quantile_disc(launch_to_ready_seconds, 0.9) AS p90, -- 90th percentile of the seconds from launch to ready. Do not sum or average.
    quantile_disc(launch_to_ready_seconds, 0.99) AS p99 -- 99th percentile of the seconds from launch to ready. Do not sum or average.
FROM launched
GROUP BY GROUPING SETS ((week, course_id, lab_type), (week, course_id), (week, lab_type), (week))
