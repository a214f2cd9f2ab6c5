-- Launches of each week, how many failed, and how long people waited for their lab: for each course and lab type, for all lab types of a
-- course, for each lab type of the organisation, and for the whole organisation. Rows overlap: choose course_id and lab_type (NULL is
-- all of them) before any sum. Percentiles are computed from the week's sessions, as those of days or courses can't be combined.
WITH
launched AS (
    SELECT
        date_trunc('week', session_date)::DATE AS week, course_id, coalesce(lab_type, 'unknown') AS lab_type, succeeded, launch_to_ready_seconds
    FROM marts.lab_sessions
)
SELECT
    week, -- Monday of the week (UTC) of the start, or of the launch where it failed.
    course_id, -- Vocareum id of the course; NULL for all courses.
    lab_type, -- Kind of lab, `unknown` where it is not delivered; NULL for all kinds.
    count(*) AS launches, -- Sessions, failed launches included.
    count(*) FILTER (NOT succeeded) AS failures, -- Launches whose machine never started.
    count(launch_to_ready_seconds) AS waits, -- Launches whose wait is known: p90 of fewer than 10, or p99 of fewer than 100, is the longest wait.
    quantile_disc(launch_to_ready_seconds, 0.5) AS p50, -- Median of the seconds from launch to ready. Not to be summed or averaged.
    quantile_disc(launch_to_ready_seconds, 0.9) AS p90, -- Nine of ten labs were ready within this many seconds. Not to be summed or averaged.
    quantile_disc(launch_to_ready_seconds, 0.99) AS p99 -- 99 of 100 labs were ready within this many seconds. Not to be summed or averaged.
FROM launched
GROUP BY GROUPING SETS ((week, course_id, lab_type), (week, course_id), (week, lab_type), (week))
