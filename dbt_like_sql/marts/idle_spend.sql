-- Spend on days without any session of that user and part. Why it was spent is not known: a lab may still run, storage and addresses
-- cost without a lab, and a bill may follow its session by a day, so that days_since_session = 1 says least. Only what was spent is
-- listed, and no opening balance of AWS, since nobody knows when that accumulated. Nor is spend of days whose file of sessions is not
-- loaded: nobody knows whether they had one.
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
-- The last day with a session up to the last day covered: inside of the days covered, it makes them no idle ones.
spent AS (
    SELECT spend.*, session_days.day AS session_day
    FROM marts.daily_cloud_spend AS spend
    ASOF LEFT JOIN session_days
        ON session_days.user_id = spend.user_id AND session_days.part_id = spend.part_id
        AND session_days.day <= spend.spend_date
    SEMI JOIN known ON known.spend_date = spend.spend_date AND known.days_covered = spend.days_covered
    WHERE spend.cost > 0 AND NOT spend.is_opening_balance
)
SELECT
    spend_date, -- UTC day of the spend: the last of the days covered.
    provider, -- aws or azure.
    aws_account_id, -- AWS account; NULL for azure, which names none.
    user_id, -- Vocareum id of the user.
    part_id, -- Vocareum id of the part.
    course_id, -- Course of the part; NULL where no mapping knows the part, or nothing tells which of several it is.
    assignment_id, -- Assignment of the part; NULL as course_id is, or where the part has several in its course.
    cost, -- US dollars spent, exact.
    days_covered, -- Days that the cost covers; none of them has a session of the user and part.
    (spend_date - days_covered + 1 - session_day)::INTEGER AS days_since_session -- Days from the last session of the user and part to the first day covered: 1 is the day after it. NULL where no session before is loaded.
FROM spent
WHERE session_day IS NULL OR session_day <= spend_date - days_covered
