-- Cost of each course per month: by provider, per active student and per hour. Each ratio covers the same people on both
-- sides: students with a successful session in the month, their spend in the month, and the hours of their sessions. Only
-- opening_balance includes money accumulated by the first file. The newest month is usually incomplete: see
-- complete_days.
WITH
used AS (
    SELECT
        date_trunc('month', session_date)::DATE AS month, course_id, user_id, count(*) AS sessions, bool_or(succeeded) AS is_active,
        sum(minutes) AS minutes
    FROM marts.lab_sessions
    GROUP BY ALL
),
people AS (
    SELECT used.*, used.is_active AND coalesce(summary.is_student, false) AS is_active_student
    FROM used
    LEFT JOIN marts.student_course_summary AS summary
        ON summary.user_id = used.user_id AND summary.course_id = used.course_id
),
-- Spend of each user per month. A cost that covers days of two months is spread as in marts.spend_days.
by_user AS (
    SELECT date_trunc('month', spend_date)::DATE AS month, course_id, user_id, cost
    FROM marts.daily_cloud_spend
    WHERE cost <> 0 AND NOT is_opening_balance AND spend_date - days_covered + 1 >= date_trunc('month', spend_date)
    UNION ALL
    SELECT
        date_trunc('month', spend_date - days_before)::DATE, course_id, user_id,
        CASE WHEN days_before = 0 THEN cost - share * (days_covered - 1) ELSE share END
    FROM (
        SELECT *, (cost / days_covered)::DECIMAL(38, 9) AS share, unnest(range(days_covered))::INTEGER AS days_before
        FROM marts.daily_cloud_spend
        WHERE cost <> 0 AND NOT is_opening_balance AND spend_date - days_covered + 1 < date_trunc('month', spend_date)
    )
),
active_spend AS (
    SELECT by_user.month, by_user.course_id, sum(by_user.cost) AS spend
    FROM by_user
    SEMI JOIN people
        ON people.month = by_user.month AND people.course_id = by_user.course_id AND people.user_id = by_user.user_id
        AND people.is_active_student
    GROUP BY by_user.month, by_user.course_id
),
activity AS (
    SELECT
        month, course_id, sum(sessions)::BIGINT AS sessions, count(*) FILTER (is_active_student) AS active_students,
        sum(minutes) FILTER (is_active_student) AS minutes
    FROM people
    GROUP BY month, course_id
),
spent AS (
    SELECT
        date_trunc('month', day)::DATE AS month,
        course_id,
        sum(cost) FILTER (provider = 'aws' AND dating <> 'before the first file') AS aws_spend,
        sum(cost) FILTER (provider = 'azure' AND dating <> 'before the first file') AS azure_spend,
        sum(cost) FILTER (dating = 'before the first file') AS opening_balance
    FROM marts.spend_days
    GROUP BY ALL
),
months AS (
    SELECT date_trunc('month', day)::DATE AS month, count(*) FILTER (is_complete) AS complete_days
    FROM marts.organisation_daily
    GROUP BY ALL
),
keys AS (
    SELECT month, course_id FROM activity
    UNION
    SELECT month, course_id FROM spent
)
SELECT
    keys.month, -- First day of the month.
    keys.course_id, -- Vocareum id of the course; NULL for spend of parts that are unmapped, or mapped to several courses without evidence for one. -> marts.course_summary
    courses.course_name, -- Name of the course; NULL if course_mapping never listed it.
    coalesce(spent.aws_spend, 0)::DECIMAL(38, 9) AS aws_spend, -- US dollars that all users spent on AWS, exact as in marts.spend_days, without opening_balance.
    coalesce(spent.azure_spend, 0)::DECIMAL(38, 9) AS azure_spend, -- US dollars that all users spent on Azure, exact as in marts.spend_days.
    (coalesce(spent.aws_spend, 0) + coalesce(spent.azure_spend, 0))::DECIMAL(38, 9) AS spend, -- aws_spend + azure_spend, exact.
    round(coalesce(spent.aws_spend, 0) + coalesce(spent.azure_spend, 0), 2)::DECIMAL(38, 2) AS spend_usd, -- spend rounded to cents, for display. Do not sum: sum spend.
    coalesce(spent.opening_balance, 0)::DECIMAL(38, 9) AS opening_balance, -- US dollars that AWS had accumulated by its first file, at an unknown time. Dated to the month of that file; no other column here includes it.
    coalesce(activity.sessions, 0) AS sessions, -- Lab sessions of all users, including failed launches.
    coalesce(activity.active_students, 0) AS active_students, -- Students with a successful session in the month, by their last role in the course. Do not sum over months or courses.
    round(coalesce(activity.minutes, 0) / 60, 6)::DECIMAL(38, 6) AS active_student_hours, -- Hours of active_students in sessions that started in the month, to six decimals.
    coalesce(active_spend.spend, 0)::DECIMAL(38, 9) AS active_student_spend, -- The part of spend that active_students spent, in US dollars. A cost that covers days of two months is spread evenly.
    CASE
        WHEN activity.active_students > 0 THEN round(coalesce(active_spend.spend, 0) / activity.active_students, 6)
    END::DECIMAL(38, 6) AS spend_per_active_student, -- active_student_spend / active_students, to six decimals; NULL without active students. Do not sum or average.
    CASE
        WHEN activity.minutes > 0 THEN round(coalesce(active_spend.spend, 0) * 60 / activity.minutes, 6)
    END::DECIMAL(38, 6) AS spend_per_hour, -- active_student_spend / active_student_hours, to six decimals; NULL without hours. Do not sum or average.
    coalesce(months.complete_days, 0) AS complete_days -- Days of the month with all files loaded (see marts.organisation_daily). Compare only months with all days complete. The same in each row of a month.
FROM keys
LEFT JOIN activity ON activity.month = keys.month AND activity.course_id = keys.course_id
LEFT JOIN active_spend ON active_spend.month = keys.month AND active_spend.course_id = keys.course_id
LEFT JOIN spent ON spent.month = keys.month AND spent.course_id IS NOT DISTINCT FROM keys.course_id
LEFT JOIN months ON months.month = keys.month
LEFT JOIN staging.courses AS courses ON courses.course_id = keys.course_id
