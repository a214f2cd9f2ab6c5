-- The launches, failures and hours of each week of marts.activity_weekly equal those of marts.lab_sessions, per course and for
-- the organisation. The test counts active students among all who were ever students of a course. The organisation has at least
-- as many as any course, and at most their sum. If it fails, look at the GROUPING SETS and joins of the mart.
WITH
launched AS (
    SELECT week, course_id, count(*) AS launches, count(*) - count(*) FILTER (succeeded) AS failures
    FROM (
        SELECT date_trunc('week', session_date)::DATE AS week, unnest([course_id, NULL]) AS course_id, succeeded
        FROM marts.lab_sessions
    )
    GROUP BY week, course_id
),
students AS (
    SELECT date_trunc('week', sessions.session_date)::DATE AS week, sessions.course_id, count(DISTINCT sessions.user_id) AS active_students
    FROM marts.lab_sessions AS sessions
    SEMI JOIN (SELECT user_id, course_id FROM staging.course_members WHERE is_student) AS members
        ON members.user_id = sessions.user_id AND members.course_id = sessions.course_id
    WHERE sessions.succeeded
    GROUP BY ALL
),
minutes AS (
    SELECT date_trunc('week', session_date)::DATE AS week, course_id, sum(minutes) / 60 AS hours
    FROM marts.lab_sessions
    GROUP BY ALL
)
SELECT coalesce(launched.week, found.week) AS week, coalesce(launched.course_id, found.course_id) AS course_id, 'launches' AS problem
FROM launched
FULL JOIN marts.activity_weekly AS found ON found.week = launched.week AND found.course_id IS NOT DISTINCT FROM launched.course_id
WHERE coalesce(found.launches, 0) <> coalesce(launched.launches, 0) OR coalesce(found.failures, 0) <> coalesce(launched.failures, 0)
OR found.active_students > found.active_users OR found.active_users > found.launches - found.failures
OR (found.failure_rate IS NULL) <> (found.launches = 0)
OR abs(found.failure_rate * found.launches - found.failures) > found.launches * 0.000001
UNION ALL
SELECT found.week, found.course_id, 'active students'
FROM marts.activity_weekly AS found
LEFT JOIN students ON students.week = found.week AND students.course_id = found.course_id
WHERE found.course_id IS NOT NULL AND found.active_students <> coalesce(students.active_students, 0)
UNION ALL
SELECT week, NULL, 'organisation'
FROM marts.activity_weekly
GROUP BY week
HAVING NOT coalesce(
    max(active_students) FILTER (course_id IS NULL) BETWEEN coalesce(max(active_students) FILTER (course_id IS NOT NULL), 0)
    AND coalesce(sum(active_students) FILTER (course_id IS NOT NULL), 0)
    AND max(active_users) FILTER (course_id IS NULL) BETWEEN coalesce(max(active_users) FILTER (course_id IS NOT NULL), 0)
    AND coalesce(sum(active_users) FILTER (course_id IS NOT NULL), 0)
    AND abs(sum(CASE WHEN course_id IS NULL THEN hours ELSE -hours END)) <= 0.000001 * count(*),
    false
)
UNION ALL
SELECT found.week, found.course_id, 'hours'
FROM marts.activity_weekly AS found
LEFT JOIN minutes ON minutes.week = found.week AND minutes.course_id = found.course_id
WHERE found.course_id IS NOT NULL
AND (abs(found.hours - coalesce(minutes.hours, 0)) > 0.00001 OR found.student_hours > found.hours)
