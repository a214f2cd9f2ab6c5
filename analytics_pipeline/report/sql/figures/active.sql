-- Aggregate per person, course and period first, which is small, then per scope, where a person of several courses counts once. The
-- last active day alone tells whether a person was active in a period that ends with the newest day.
WITH
newest AS (SELECT last_session AS day FROM span),
dates AS (SELECT DISTINCT since, until FROM windows WHERE what = 'sessions'),
latest AS (
    SELECT course, user_id, is_enrolled_student, max(last_day) AS last_day, max(last_started) AS last_started
    FROM active_weeks, newest
    WHERE first_day <= newest.day
    GROUP BY ALL
),
people AS (
    SELECT
        latest.course, latest.user_id, latest.is_enrolled_student, dates.since, dates.until,
        coalesce(latest.last_started >= dates.since, false) AS succeeded
    FROM latest, newest, dates
    WHERE dates.until = newest.day AND latest.last_day >= dates.since
    UNION ALL
    SELECT
        weeks.course, weeks.user_id, weeks.is_enrolled_student, dates.since, dates.until,
        coalesce(bool_or(weeks.first_started <= dates.until AND weeks.last_started >= dates.since), false)
    FROM active_weeks AS weeks, newest, dates
    WHERE dates.until < newest.day AND weeks.first_day <= dates.until AND weeks.last_day >= dates.since
    GROUP BY ALL
),
counted AS (
    SELECT
        windows.scope, windows.period, people.user_id, bool_or(people.succeeded) AS succeeded,
        bool_or(people.is_enrolled_student) AS is_student, bool_or(people.is_enrolled_student AND people.succeeded) AS is_active
    FROM people
    JOIN scopes ON scopes.course = people.course
    JOIN windows
        ON windows.scope = scopes.scope AND windows.what = 'sessions' AND windows.since = people.since AND windows.until = people.until
    GROUP BY ALL
)
SELECT
    scope, period, count(*) FILTER (succeeded) AS users, count(*) FILTER (is_active) AS active,
    count(*) FILTER (is_student AND NOT is_active) AS failed_only
FROM counted
GROUP BY ALL
