-- People of several courses count once per selection, so counts don't add up. The mart has counts of the organisation and of
-- single courses; this query counts other selections.
WITH people AS (
    SELECT weeks.week, scopes.scope, weeks.user_id, bool_or(weeks.is_student) AS is_student
    FROM active_weeks AS weeks
    JOIN scopes ON scopes.course = weeks.course
    WHERE weeks.last_started IS NOT NULL AND scopes.scope <> 'all' AND NOT regexp_full_match(scopes.scope, '\d+')
    GROUP BY ALL
)
SELECT week AS day, scope, count(*) AS users, count(*) FILTER (is_student) AS students
FROM people
GROUP BY ALL
UNION ALL
SELECT mart.week, scopes.scope, mart.active_users, mart.active_students
FROM marts.activity_weekly AS mart
JOIN (SELECT DISTINCT scope FROM scopes) AS scopes ON scopes.scope = coalesce(mart.course_id::VARCHAR, 'all')
WHERE mart.active_users > 0 AND mart.week BETWEEN (SELECT first_day - 7 FROM span) AND (SELECT last_day + 1 FROM span)
ORDER BY ALL
