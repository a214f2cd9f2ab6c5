-- Nobody who dropped or left a course still spends money in it. Each row is a course and a drop day with students who spent within the
-- last seven days, and at least a dollar since they dropped.
-- severity: warn
-- alert: yes
-- If it fails, look at marts.student_spend_watch for the users, and stop what still runs in their accounts.
WITH
students AS (
    SELECT user_id, course_id, dropped_on, sum(spend_after_drop) AS spent, bool_or(is_still_spending) AS is_still_spending
    FROM marts.student_spend_watch
    WHERE dropped_on IS NOT NULL
    GROUP BY user_id, course_id, dropped_on
)
SELECT
    format('spend after dropping course {} by {}', course_id, dropped_on) AS alarm,
    format(
        '{:.2f} USD spent since, and spending goes on ({}).',
        sum(spent)::DOUBLE, if(count(*) = 1, '1 student', count(*) || ' students')
    ) AS message
FROM students
WHERE is_still_spending AND spent >= 1
GROUP BY course_id, dropped_on
