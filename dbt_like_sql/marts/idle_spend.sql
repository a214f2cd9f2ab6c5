-- Spend on days without any session of that user and part: something was left running. Only what was spent is listed, and
-- no values of the first file of AWS, since nobody knows when those began to accumulate. Nor is spend of days whose file of
-- sessions is not loaded: nobody knows whether they had one.
WITH
session_days AS (
    SELECT DISTINCT
        user_id,
        part_id,
        -- 31 days at most, as in marts.lab_concurrency_hourly: a longer session is a clock gone wrong.
        unnest(generate_series(
            session_date::TIMESTAMP,
            greatest(session_date::TIMESTAMP, least(coalesce(end_time - INTERVAL 1 MICROSECOND, session_date), session_date + INTERVAL 31 DAY)),
            INTERVAL 1 DAY
        ))::DATE AS day
    FROM marts.lab_sessions
),
known AS (
    SELECT covered.spend_date, covered.days_covered
    FROM (SELECT DISTINCT spend_date, days_covered FROM marts.daily_cloud_spend) AS covered
    JOIN ops.loaded_files AS ledger
        ON ledger.dataset = 'lab_sessions'
        AND ledger.period <= covered.spend_date AND ledger.period > covered.spend_date - covered.days_covered
    GROUP BY covered.spend_date, covered.days_covered
    HAVING count(*) = covered.days_covered
),
spent AS (
    SELECT *
    FROM marts.daily_cloud_spend
    SEMI JOIN known USING (spend_date, days_covered)
    WHERE cost > 0
    AND NOT (provider = 'aws' AND spend_date = (SELECT min(spend_date) FROM marts.daily_cloud_spend WHERE provider = 'aws'))
)
SELECT
    spent.spend_date, -- UTC day of the spend: the last of the days covered.
    spent.provider, -- aws or azure.
    spent.aws_account_id, -- AWS account; NULL for azure, which names none.
    spent.user_id, -- Vocareum id of the user.
    spent.part_id, -- Vocareum id of the part.
    spent.course_id, -- Course of the part; NULL where no mapping knows the part.
    spent.assignment_id, -- Assignment of the part; NULL where no mapping knows the part.
    spent.cost, -- US dollars spent, exact.
    spent.days_covered -- Days that the cost covers; none of them has a session of the user and part.
FROM spent
ANTI JOIN session_days
    ON session_days.user_id = spent.user_id AND session_days.part_id = spent.part_id
    AND session_days.day <= spent.spend_date AND session_days.day > spent.spend_date - spent.days_covered
