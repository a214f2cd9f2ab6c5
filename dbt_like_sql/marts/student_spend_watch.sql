-- Spend of each student per course and month, compared with a budget's cap, and after the student dropped or left the course. A
-- month without spend has no row. Excludes opening balances. Spreads a value that covers several days evenly, as marts.spend_days.
WITH
now AS (SELECT max(as_of) AS day FROM marts.spend_calendar),
students AS (
    SELECT user_id, course_id, is_enrolled FROM staging.course_members WHERE is_student
),
values_covered AS (
    SELECT
        spend.user_id, spend.course_id, spend.spend_date, spend.days_covered,
        sum(spend.cost) AS total,
        (sum(spend.cost) / spend.days_covered)::DECIMAL(38, 9) AS share
    FROM marts.daily_cloud_spend AS spend
    JOIN students ON students.user_id = spend.user_id AND students.course_id = spend.course_id
    WHERE NOT spend.is_opening_balance AND spend.cost <> 0
    GROUP BY spend.user_id, spend.course_id, spend.spend_date, spend.days_covered
),
spread AS (
    SELECT *, unnest(range(days_covered))::INTEGER AS days_before FROM values_covered WHERE days_covered > 1
),
-- Most values cover one day and need no spreading.
days AS MATERIALIZED (
    SELECT user_id, course_id, spend_date AS day, total AS cost FROM values_covered WHERE days_covered <= 1
    UNION ALL
    SELECT
        user_id, course_id, spend_date - days_before,
        CASE WHEN days_before = 0 THEN total - share * (days_covered - 1) ELSE share END
    FROM spread
),
-- Day by which students who are no longer enrolled had gone. Unknown for students already gone in the first file.
gone AS (
    SELECT user_id, course_id, max(changed_at)::DATE AS gone_on
    FROM marts.roster_changes
    WHERE (change = 'left' AND dropped_before IS NOT TRUE) OR (dropped AND dropped_before IS NOT TRUE)
    GROUP BY user_id, course_id
),
months AS MATERIALIZED (
    SELECT
        days.user_id, days.course_id, date_trunc('month', days.day)::DATE AS month,
        sum(days.cost) AS spend,
        sum(days.cost) FILTER (days.day > gone.gone_on) AS spend_after_drop,
        max(days.day) FILTER (days.day > gone.gone_on AND days.cost > 0) AS last_spend_after_drop,
        any_value(gone.gone_on) AS gone_on
    FROM days
    JOIN students ON students.user_id = days.user_id AND students.course_id = days.course_id
    LEFT JOIN gone ON gone.user_id = days.user_id AND gone.course_id = days.course_id AND NOT students.is_enrolled
    GROUP BY days.user_id, days.course_id, month
),
-- Of a course's caps in a month, those of the narrowest scope: several if budgets meet in the month, or overlap.
caps AS MATERIALIZED (
    SELECT
        members.course_id, months.month, periods.budget, periods.starts_on, periods.student_cap,
        least(periods.ends_on, last_day(months.month), periods.spend_until) AS until
    FROM staging.budget_periods AS periods
    JOIN staging.scope_courses AS members ON members.scope = periods.scope AND members.scope_id = periods.scope_id
    JOIN (SELECT DISTINCT course_id, month FROM months) AS months
        ON months.course_id = members.course_id
        AND months.month BETWEEN date_trunc('month', periods.starts_on) AND periods.ends_on
    WHERE periods.student_cap IS NOT NULL AND periods.starts_on <= periods.spend_until
    QUALIFY rank() OVER (
        PARTITION BY members.course_id, months.month
        ORDER BY list_position(['course', 'root_course', 'term', 'department', 'organisation'], periods.scope)
    ) = 1
),
-- With running totals, the spend of any period is a difference of two rows.
running AS (
    SELECT days.user_id, days.course_id, days.day, sum(sum(days.cost)) OVER so_far AS spent
    FROM days
    SEMI JOIN caps ON caps.course_id = days.course_id
    GROUP BY days.user_id, days.course_id, days.day
    WINDOW so_far AS (PARTITION BY days.user_id, days.course_id ORDER BY days.day)
),
periods AS (
    SELECT months.user_id, months.course_id, months.month, caps.budget, caps.starts_on, caps.until, caps.student_cap
    FROM months
    JOIN caps ON caps.course_id = months.course_id AND caps.month = months.month
),
capped AS (
    SELECT
        periods.user_id, periods.course_id, periods.month, periods.budget, periods.starts_on, periods.until, periods.student_cap,
        coalesce(by_end.spent, 0) - coalesce(before.spent, 0) AS spend
    FROM periods
    ASOF LEFT JOIN running AS by_end
        ON by_end.user_id = periods.user_id AND by_end.course_id = periods.course_id AND by_end.day <= periods.until
    ASOF LEFT JOIN running AS before
        ON before.user_id = periods.user_id AND before.course_id = periods.course_id AND before.day < periods.starts_on
),
-- Of several caps, the row shows one that is exceeded, else that of the current budget.
chosen AS (
    SELECT *
    FROM capped
    QUALIFY row_number() OVER (
        PARTITION BY user_id, course_id, month
        ORDER BY spend > student_cap DESC, until DESC, student_cap, starts_on DESC, budget
    ) = 1
)
SELECT
    months.user_id, -- Vocareum id of the student -> marts.student_course_summary.
    months.course_id, -- Vocareum id of the course -> marts.course_summary.
    names.course_name, -- Name of the course; NULL if course_mapping never listed it.
    months.month, -- First day of the month (UTC).
    months.spend::DECIMAL(38, 9) AS spend, -- US dollars that the student spent in the course in the month, exact.
    chosen.student_cap AS cap, -- US dollars that a student may spend in the course within the budget's period; NULL if no budget that has begun sets a cap.
    chosen.budget AS cap_budget, -- Budget of the cap -> marts.budget_status. Of several in a month, one with the narrowest scope (course, root_course, term, department, organisation): one whose cap is exceeded, then the latest in the month, then the lowest cap.
    coalesce(chosen.spend, 0)::DECIMAL(38, 9) AS spend_under_cap, -- US dollars from the start of the budget's period to its end or that of the month, which the cap limits. 0 without a cap. Do not sum over months.
    coalesce(chosen.spend > chosen.student_cap, false) AS is_over_cap, -- Whether the student had spent more than the cap by the end of the month: than any cap of the narrowest scope, if there are several.
    months.gone_on AS dropped_on, -- Day by which enrollment showed that the student dropped or left. NULL if the student is enrolled, or if the day is unknown.
    coalesce(months.spend_after_drop, 0)::DECIMAL(38, 9) AS spend_after_drop, -- US dollars of spend on days after dropped_on.
    coalesce(months.last_spend_after_drop >= now.day - 6, false) AS is_still_spending -- Whether the student spent after dropping, within the seven days up to the newest complete day.
FROM months
CROSS JOIN now
LEFT JOIN staging.courses AS names ON names.course_id = months.course_id
LEFT JOIN chosen
    ON chosen.user_id = months.user_id AND chosen.course_id = months.course_id AND chosen.month = months.month
