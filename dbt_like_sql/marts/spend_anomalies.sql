-- Days on which a user's labs in a course cost far more than usual: at least ten times the course's median student-day of the
-- previous 28 days, and at least ANOMALY_FLOOR_USD. Excludes values that are not the spend of one day: opening balances, the
-- first value after a restart of an account, and values that cover several days. Skips days with fewer than five student-days
-- to compare with.
WITH
floor AS (SELECT coalesce(max(anomaly_floor_usd), 5) AS usd FROM ops.parameters),
user_days AS (
    SELECT
        course_id, user_id, spend_date AS day,
        sum(cost) AS cost,
        bool_and(days_covered = 1 AND NOT is_reset AND NOT is_opening_balance) AS is_judged
    FROM marts.daily_cloud_spend
    WHERE course_id IS NOT NULL AND cost <> 0
    GROUP BY course_id, user_id, spend_date
),
suspects AS (SELECT user_days.* FROM user_days CROSS JOIN floor WHERE is_judged AND cost >= floor.usd),
usual AS (
    SELECT suspect_days.course_id, suspect_days.day, median(before.cost) AS median_cost, count(*) AS student_days
    FROM (SELECT DISTINCT course_id, day FROM suspects) AS suspect_days
    JOIN user_days AS before
        ON before.course_id = suspect_days.course_id AND before.day BETWEEN suspect_days.day - 28 AND suspect_days.day - 1
    JOIN staging.course_members AS people
        ON people.course_id = before.course_id AND people.user_id = before.user_id AND people.is_student
    WHERE before.is_judged AND before.cost > 0
    GROUP BY suspect_days.course_id, suspect_days.day
    HAVING count(*) >= 5
),
anomalies AS (
    SELECT
        suspects.*, usual.median_cost, usual.student_days,
        coalesce(suspects.day - lag(suspects.day) OVER per_user > 3, true) AS begins
    FROM suspects
    JOIN usual ON usual.course_id = suspects.course_id AND usual.day = suspects.day
    WHERE suspects.cost >= 10 * usual.median_cost
    WINDOW per_user AS (PARTITION BY suspects.course_id, suspects.user_id ORDER BY suspects.day)
)
SELECT
    anomalies.course_id, -- Vocareum id of the course -> marts.course_summary.
    anomalies.user_id, -- Vocareum id of the user -> marts.student_course_summary.
    anomalies.day, -- UTC day.
    coalesce(people.is_student, false) AS is_student, -- Whether the user's last known role in the course is student.
    anomalies.cost::DECIMAL(38, 9) AS cost, -- US dollars that the user spent in the course on the day, exact.
    round(anomalies.median_cost, 9)::DECIMAL(38, 9) AS median_cost, -- Median student-day of the course in the previous 28 days, in US dollars.
    round(anomalies.cost::DOUBLE / anomalies.median_cost::DOUBLE, 1)::DECIMAL(38, 1) AS times_median, -- cost / median_cost, at least 10.
    anomalies.student_days, -- Number of student-days with spend that the median uses, at least 5.
    max(anomalies.day) FILTER (anomalies.begins) OVER so_far AS episode_starts_on -- First day of the episode: the user's anomalies in the course at most three days apart.
FROM anomalies
LEFT JOIN staging.course_members AS people
    ON people.course_id = anomalies.course_id AND people.user_id = anomalies.user_id
WINDOW so_far AS (
    PARTITION BY anomalies.course_id, anomalies.user_id ORDER BY anomalies.day
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
