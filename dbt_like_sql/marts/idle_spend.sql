-- Spend on days without any session of that user and part: something was left running. Only what was spent is listed, and
-- no values of the first file of AWS, since nobody knows when those began to accumulate.
WITH
session_days AS (
    SELECT DISTINCT
        user_id,
        part_id,
        -- 31 days at most, as in marts.lab_concurrency_hourly: a longer session is a clock gone wrong.
        unnest(generate_series(
            session_date::TIMESTAMP,
            greatest(session_date::TIMESTAMP, least(coalesce(end_time, session_date), session_date + INTERVAL 31 DAY)),
            INTERVAL 1 DAY
        ))::DATE AS day
    FROM marts.lab_sessions
),
spent AS (
    SELECT *
    FROM marts.daily_cloud_spend
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
