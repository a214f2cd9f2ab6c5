-- To the last decimal, a course's months in marts.course_months add up to its spend in marts.daily_cloud_spend, and a month's
-- courses to the spend per provider in marts.organisation_daily. Sessions equal those of marts.lab_sessions. The test counts
-- active students among all who were ever students of the course. It sums their spend only if no cost covers days of two months.
-- If it fails, a join of the mart loses or multiplies money: look at its subqueries `by_user` and `keys`.
WITH
students AS (
    SELECT DISTINCT date_trunc('month', sessions.session_date)::DATE AS month, sessions.course_id, sessions.user_id
    FROM marts.lab_sessions AS sessions
    SEMI JOIN (SELECT user_id, course_id FROM staging.course_members WHERE is_student) AS members
        ON members.user_id = sessions.user_id AND members.course_id = sessions.course_id
    WHERE sessions.succeeded
),
counted AS (SELECT month, course_id, count(*) AS active_students FROM students GROUP BY month, course_id),
costs AS (
    SELECT
        date_trunc('month', spend_date)::DATE AS month, user_id, course_id, cost,
        spend_date - days_covered + 1 < date_trunc('month', spend_date) AS is_of_two_months
    FROM marts.daily_cloud_spend
    WHERE NOT is_opening_balance AND cost <> 0 AND course_id IS NOT NULL
),
shared AS (
    SELECT month, course_id FROM costs WHERE is_of_two_months
    UNION
    SELECT (month - INTERVAL 1 MONTH)::DATE, course_id FROM costs WHERE is_of_two_months
),
spent AS (
    SELECT costs.month, costs.course_id, sum(costs.cost) AS cost
    FROM costs
    SEMI JOIN students ON students.month = costs.month AND students.course_id = costs.course_id AND students.user_id = costs.user_id
    GROUP BY costs.month, costs.course_id
),
launched AS (
    SELECT date_trunc('month', session_date)::DATE AS month, course_id, count(*) AS sessions
    FROM marts.lab_sessions
    GROUP BY ALL
),
by_course AS (
    SELECT course_id, sum(spend) + sum(opening_balance) AS spend, sum(opening_balance) AS opening_balance
    FROM marts.course_months
    GROUP BY course_id
),
by_month AS (
    SELECT month, sum(aws_spend) AS aws_spend, sum(azure_spend) AS azure_spend, sum(opening_balance) AS opening_balance
    FROM marts.course_months
    GROUP BY month
),
summary AS (
    SELECT course_id, sum(cost) AS spend, sum(cost) FILTER (is_opening_balance) AS opening_balance
    FROM marts.daily_cloud_spend
    GROUP BY course_id
),
days AS (
    SELECT
        date_trunc('month', day)::DATE AS month, sum(aws_spend) AS aws_spend, sum(azure_spend) AS azure_spend,
        sum(opening_balance) AS opening_balance
    FROM marts.organisation_daily
    GROUP BY ALL
)
SELECT NULL::DATE AS month, coalesce(summary.course_id, by_course.course_id) AS course_id, 'spend of the course' AS problem
FROM summary
FULL JOIN by_course ON by_course.course_id IS NOT DISTINCT FROM summary.course_id
WHERE coalesce(summary.spend, 0) <> coalesce(by_course.spend, 0)
OR coalesce(summary.opening_balance, 0) <> coalesce(by_course.opening_balance, 0)
UNION ALL
SELECT coalesce(days.month, by_month.month), NULL, 'spend of the month'
FROM days
FULL JOIN by_month ON by_month.month = days.month
WHERE coalesce(days.aws_spend, 0) <> coalesce(by_month.aws_spend, 0)
OR coalesce(days.azure_spend, 0) <> coalesce(by_month.azure_spend, 0)
OR coalesce(days.opening_balance, 0) <> coalesce(by_month.opening_balance, 0)
UNION ALL
SELECT coalesce(launched.month, found.month), coalesce(launched.course_id, found.course_id), 'sessions'
FROM launched
FULL JOIN marts.course_months AS found ON found.month = launched.month AND found.course_id = launched.course_id
WHERE coalesce(found.sessions, 0) <> coalesce(launched.sessions, 0)
UNION ALL
SELECT found.month, found.course_id, 'active students'
FROM marts.course_months AS found
LEFT JOIN counted ON counted.month = found.month AND counted.course_id = found.course_id
WHERE found.active_students <> coalesce(counted.active_students, 0)
UNION ALL
SELECT found.month, found.course_id, 'spend of active students'
FROM marts.course_months AS found
ANTI JOIN shared ON shared.month = found.month AND shared.course_id = found.course_id
LEFT JOIN spent ON spent.month = found.month AND spent.course_id = found.course_id
WHERE found.active_student_spend <> coalesce(spent.cost, 0)
OR (found.active_students > 0 AND abs(found.spend_per_active_student - found.active_student_spend / found.active_students) > 0.00001)
