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
student_days AS (
    SELECT user_days.course_id, user_days.day, user_days.cost
    FROM user_days
    JOIN staging.course_members AS people
        ON people.course_id = user_days.course_id AND people.user_id = user_days.user_id AND people.is_student
    WHERE user_days.is_judged AND user_days.cost > 0
),
-- The median over several days is at least the lowest median of a single day, so only few days need the full median.
daily AS (SELECT course_id, day, median(cost) AS median_cost FROM student_days GROUP BY course_id, day),
costly AS (
    SELECT user_days.course_id, user_days.day, max(user_days.cost) AS cost
    FROM user_days
    CROSS JOIN floor
    WHERE user_days.is_judged AND user_days.cost >= floor.usd
    GROUP BY user_days.course_id, user_days.day
),
judged_days AS (
    SELECT costly.course_id, costly.day
    FROM costly
    JOIN daily ON daily.course_id = costly.course_id AND daily.day BETWEEN costly.day - 28 AND costly.day - 1
    GROUP BY costly.course_id, costly.day
    HAVING max(costly.cost) >= 10 * min(daily.median_cost)
),
usual AS (
    SELECT judged_days.course_id, judged_days.day, median(before.cost) AS median_cost, count(*) AS student_days
    FROM judged_days
    JOIN student_days AS before
        ON before.course_id = judged_days.course_id AND before.day BETWEEN judged_days.day - 28 AND judged_days.day - 1
    GROUP BY judged_days.course_id, judged_days.day
    HAVING count(*) >= 5
),
suspects AS (SELECT user_days.* FROM user_days CROSS JOIN floor WHERE is_judged AND cost >= floor.usd),
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
    names.course_name, -- Name of the course; NULL if course_mapping never listed it.
    anomalies.user_id, -- Vocareum id of the user -> marts.student_course_summary.
    anomalies.day, -- UTC day.
    coalesce(people.is_student, false) AS is_student, -- Whether the user's last known role in the course is student.
    anomalies.cost::DECIMAL(38, 9) AS cost, -- US dollars that the user spent in the course on the day, exact.
    round(anomalies.median_cost, 9)::DECIMAL(38, 9) AS median_cost, -- Median student-day of the course in the previous 28 days, in US dollars.
    round(anomalies.cost::DOUBLE / anomalies.median_cost::DOUBLE, 1)::DECIMAL(38, 1) AS times_median, -- cost / median_cost, at least 10.
    anomalies.student_days, -- Number of student-days with spend that the median uses, at least 5.
    max(anomalies.day) FILTER (anomalies.begins) OVER so_far AS episode_starts_on -- First day of the episode: the user's anomalies in the course at most three days apart.
FROM anomalies
LEFT JOIN staging.courses AS names ON names.course_id = anomalies.course_id
LEFT JOIN staging.course_members AS people
    ON people.course_id = anomalies.course_id AND people.user_id = anomalies.user_id
WINDOW so_far AS (
    PARTITION BY anomalies.course_id, anomalies.user_id ORDER BY anomalies.day
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
