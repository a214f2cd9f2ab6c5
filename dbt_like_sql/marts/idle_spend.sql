-- Spend on days without a session of that user and part. A session without an end ran up to the newest file that lists it. The cause is
-- unknown: a lab may still run, storage and addresses cost without a lab, and a bill may lag its session by a day, so
-- days_since_session = 1 is weak evidence. Omits AWS's opening balance, as nobody knows when it accumulated, and days whose sessions file
-- is not loaded, as nobody knows whether they had a session.
WITH
session_days AS (
    SELECT DISTINCT
        ran.user_id,
        ran.part_id,
        unnest(generate_series(ran.session_date::TIMESTAMP, ran.last_day::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day
    FROM marts.lab_sessions AS ran
    SEMI JOIN marts.daily_cloud_spend AS spend ON spend.user_id = ran.user_id AND spend.part_id = ran.part_id
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
-- The last day with a session up to the last covered day. If it is a covered day, the spend is not idle.
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
    spend_date, -- UTC day of the spend: the last of the covered days.
    provider, -- aws or azure.
    aws_account_id, -- AWS account; NULL for azure, which names none. -> marts.spend_reconciliation
    user_id, -- Vocareum id of the user. -> marts.student_course_summary, unless none of the user's spend has a course.
    part_id, -- Vocareum id of the part. -> marts.part_lineage, unless no mapping lists the part.
    course_id, -- Course of the part; NULL if the part is unmapped, or mapped to several courses without evidence for one. -> marts.course_summary
    course_name, -- Name of the course; NULL if course_id is, or if course_mapping never listed it.
    assignment_id, -- Assignment of the part; NULL if course_id is, or if the part has several in its course. -> staging.assignments
    assignment_name, -- Name of the assignment; NULL if assignment_id is, or if asn_mapping names none.
    cost, -- US dollars spent, exact.
    days_covered, -- Days that the cost covers; none has a session of the user and part.
    (spend_date - days_covered + 1 - session_day)::INTEGER AS days_since_session -- Days from the last session of the user and part to the first covered day: 1 is the day after it. NULL if no earlier session is loaded.
FROM spent
WHERE session_day IS NULL OR session_day <= spend_date - days_covered
