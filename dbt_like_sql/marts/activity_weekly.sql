-- How each course, and the whole organisation (course_id NULL), was used in each week: who was active, how often a launch failed, how long
-- people waited. A course without a launch in the week has no row; the organisation has one for every week from the first file to the last.
-- A week whose days_loaded is below 7 says less than it may seem: the newest is seldom whole, and 0 means that nothing is known.
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
    keys.week, -- Monday of the week (UTC) of the start, or of the launch where it failed.
    keys.course_id, -- Vocareum id of the course; NULL for the whole organisation, which is not the sum of its courses where people are counted.
    courses.course_name, -- Name of the course; NULL for the organisation, and where course_mapping does not list it.
    coalesce(summed.active_students, 0) AS active_students, -- Students with a session of the week that succeeded, by their last role in the course. Not to be summed over weeks or courses.
    coalesce(summed.active_users, 0) AS active_users, -- The same of anyone, staff included. Not to be summed over weeks or courses.
    coalesce(launched.launches, 0) AS launches, -- Sessions of anyone, failed launches included.
    coalesce(launched.failures, 0) AS failures, -- Launches whose machine never started.
    round(launched.failures / launched.launches, 6)::DECIMAL(18, 6) AS failure_rate, -- failures by launches, from 0 to 1, to six decimals; NULL without launches. Not to be averaged: divide sums.
    coalesce(launched.waits, 0) AS waits, -- Launches whose wait is known: p90 of fewer than 10 is the longest wait.
    launched.p50, -- Median of the seconds from launch to ready; NULL where no wait is known. Not to be summed or averaged.
    launched.p90, -- Nine of ten labs were ready within this many seconds; NULL where no wait is known. Not to be summed or averaged.
    round(coalesce(summed.minutes, 0) / 60, 6)::DECIMAL(38, 6) AS hours, -- Hours in labs of anyone, in sessions that started in the week, to six decimals.
    round(coalesce(summed.student_minutes, 0) / 60, 6)::DECIMAL(38, 6) AS student_hours, -- Those of active_students.
    coalesce(weeks.days_loaded, 0) AS days_loaded -- Days of the week whose file of sessions is loaded, its newest version too. The same in each row of a week.
FROM keys
LEFT JOIN summed ON summed.week = keys.week AND summed.course_id IS NOT DISTINCT FROM keys.course_id
LEFT JOIN marts.lab_launches_weekly AS launched
    ON launched.week = keys.week AND launched.course_id IS NOT DISTINCT FROM keys.course_id AND launched.lab_type IS NULL
LEFT JOIN weeks ON weeks.week = keys.week
LEFT JOIN staging.courses AS courses ON courses.course_id = keys.course_id
