-- A student's months in a course add up to the spend in marts.student_course_summary, without opening balances. Spend after dropping
-- never exceeds the total. If it fails, look at marts/student_spend_watch.sql.
WITH
months AS (
    SELECT user_id, course_id, sum(spend) AS spend, bool_or(dropped_on IS NULL AND spend_after_drop <> 0) AS is_wrong
    FROM marts.student_spend_watch
    GROUP BY user_id, course_id
),
openings AS (
    SELECT user_id, course_id, sum(cost) AS cost
    FROM marts.daily_cloud_spend
    WHERE is_opening_balance
    GROUP BY user_id, course_id
)
SELECT people.user_id, people.course_id, people.spend, months.spend AS spend_of_months
FROM marts.student_course_summary AS people
LEFT JOIN months ON months.user_id = people.user_id AND months.course_id = people.course_id
LEFT JOIN openings ON openings.user_id = people.user_id AND openings.course_id = people.course_id
WHERE people.is_student AND (coalesce(months.spend, 0) <> people.spend - coalesce(openings.cost, 0) OR months.is_wrong)
