-- Active people, failed launches and waits per week: per course, and for the organisation (course_id NULL). A course has no
-- row in a week without a launch; the organisation has one for every week from the first file to the last. A week with
-- days_loaded below 7 is incomplete, as the newest usually is; at 0 nothing is known.
WITH
used AS (
    SELECT
        date_trunc('week', session_date)::DATE AS week, course_id, user_id, bool_or(succeeded) AS is_active, sum(minutes) AS minutes
    FROM marts.lab_sessions
    GROUP BY ALL
),
people AS (
    SELECT used.*, used.is_active AND coalesce(summary.is_student, false) AS is_active_student
    FROM used
    LEFT JOIN marts.student_course_summary AS summary
        ON summary.user_id = used.user_id AND summary.course_id = used.course_id
),
summed AS (
    SELECT
        week,
        course_id,
        count(DISTINCT user_id) FILTER (is_active_student) AS active_students,
        count(DISTINCT user_id) FILTER (is_active) AS active_users,
        sum(minutes) FILTER (is_active_student) AS student_minutes,
        sum(minutes) AS minutes
    FROM people
    GROUP BY GROUPING SETS ((week, course_id), (week))
),
weeks AS (
    SELECT date_trunc('week', period)::DATE AS week, count(*) FILTER (loaded AND NOT newest_failed) AS days_loaded
    FROM marts.data_completeness
    WHERE dataset = 'lab_sessions'
    GROUP BY ALL
),
keys AS (
    SELECT week, course_id FROM summed
    UNION
    SELECT week, NULL FROM weeks
)
SELECT
    keys.week, -- Monday of the week (UTC) of the start, or of the launch if it failed.
    keys.course_id, -- Vocareum id of the course; NULL for the organisation, whose people are not the sum over courses. -> marts.course_summary
    courses.course_name, -- Name of the course; NULL for the organisation, or if course_mapping never listed the course.
    coalesce(summed.active_students, 0) AS active_students, -- Students with a successful session in the week, by their last role in the course. Do not sum over weeks or courses.
    coalesce(summed.active_users, 0) AS active_users, -- Users, including staff, with a successful session in the week. Do not sum over weeks or courses.
    coalesce(launched.launches, 0) AS launches, -- Sessions of all users, including failed launches. A session delivered for two courses counts in each, and twice in the organisation, whose launches and hours are the sum over courses.
    coalesce(launched.failures, 0) AS failures, -- Launches whose machine never started.
    round(launched.failures / launched.launches, 6)::DECIMAL(18, 6) AS failure_rate, -- failures / launches, from 0 to 1, to six decimals; NULL without launches. Do not average: divide sums.
    coalesce(launched.waits, 0) AS waits, -- Launches with a known wait. With fewer than 10, p90 is the longest wait.
    launched.p50, -- Median of the seconds from launch to ready; NULL if no wait is known. Do not sum or average.
    launched.p90, -- 90th percentile of the seconds from launch to ready; NULL if no wait is known. Do not sum or average.
    round(coalesce(summed.minutes, 0) / 60, 6)::DECIMAL(38, 6) AS hours, -- Lab hours of all users, in sessions that started in the week, to six decimals. A session counts as often as in `launches`.
    round(coalesce(summed.student_minutes, 0) / 60, 6)::DECIMAL(38, 6) AS student_hours, -- Lab hours of active_students, counted as in hours.
    coalesce(weeks.days_loaded, 0) AS days_loaded -- Days of the week whose sessions file is loaded in its newest version. The same in each row of a week.
FROM keys
LEFT JOIN summed ON summed.week = keys.week AND summed.course_id IS NOT DISTINCT FROM keys.course_id
LEFT JOIN marts.lab_launches_weekly AS launched
    ON launched.week = keys.week AND launched.course_id IS NOT DISTINCT FROM keys.course_id AND launched.lab_type IS NULL
LEFT JOIN weeks ON weeks.week = keys.week
LEFT JOIN staging.courses AS courses ON courses.course_id = keys.course_id
