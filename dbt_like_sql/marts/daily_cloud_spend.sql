-- Daily spend of each user and part on AWS and Azure, derived from the accumulated feeds. One row per reported value, zero if nothing
-- changed. If a file does not list a series, as it may be partly delivered, the series has no row on that day, and its next cost covers
-- that day, too.
-- A cost is the growth of an accumulation since its previous value. No value counts for more than a later one, so that each
-- accumulation costs its last value; a dip is skipped. Azure accumulates by month, AWS until a restart (see fall).
-- Costs carry only a part id. A part that was never mapped keeps an empty course, so that totals tie; one that asn_mapping no longer
-- lists stays in its last course.
WITH
reported AS (
    SELECT
        costs.file_date AS spend_date, 'aws' AS provider, costs.aws_account_id, costs.user_id, costs.part_id,
        NULL::DATE AS billing_month, costs.accumulated, falls.rule, falls.evidence, falls.at_stake
    FROM staging.aws_cost AS costs
    LEFT JOIN staging.aws_falls AS falls
        ON falls.file_date = costs.file_date AND falls.aws_account_id = costs.aws_account_id
        AND falls.user_id = costs.user_id AND falls.part_id = costs.part_id
    UNION ALL
    SELECT
        spend_date, 'azure', NULL, user_id, part_id, billing_month, accumulated,
        CASE
            WHEN accumulated >= lag(accumulated) OVER in_month THEN NULL
            WHEN lead(accumulated) OVER in_month >= lag(accumulated) OVER in_month THEN 'dip'
            WHEN accumulated < lag(accumulated) OVER in_month THEN 'correction'
        END,
        'month to date', NULL
    FROM staging.azure_cost
    WINDOW in_month AS (PARTITION BY billing_month, user_id, part_id ORDER BY spend_date)
),
days AS (
    SELECT provider, day AS spend_date, (day - previous_day) AS since_previous
    FROM staging.cost_files
),
accumulations AS (
    SELECT
        *,
        CASE WHEN coalesce(rule, '') <> 'dip' THEN spend_date END AS counted_on,
        count(*) FILTER (rule = 'restart') OVER earlier AS accumulation,
        row_number() OVER earlier AS place
    FROM reported
    WINDOW earlier AS (PARTITION BY provider, aws_account_id, user_id, part_id, billing_month ORDER BY spend_date)
),
counted AS (
    SELECT
        *,
        CASE
            WHEN counted_on IS NOT NULL
            THEN min(accumulated) FILTER (counted_on IS NOT NULL) OVER (
                PARTITION BY provider, aws_account_id, user_id, part_id, billing_month, accumulation
                ORDER BY spend_date ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            )
        END AS value
    FROM accumulations
),
-- Within an accumulation the counted values never fall, so the greatest earlier one is the previous one.
compared AS (
    SELECT
        *,
        max(value) OVER (
            PARTITION BY provider, aws_account_id, user_id, part_id, billing_month, accumulation
            ORDER BY spend_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS value_before,
        max(counted_on) OVER (
            PARTITION BY provider, aws_account_id, user_id, part_id, billing_month
            ORDER BY spend_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS counted_before
    FROM counted
)
SELECT
    compared.spend_date, -- UTC day of the spend: the last of the covered days.
    compared.provider, -- aws or azure.
    compared.aws_account_id, -- AWS account; NULL for azure, which names none. -> marts.spend_reconciliation
    compared.user_id, -- Vocareum id of the user. -> marts.student_course_summary, unless none of the user's spend has a course.
    compared.part_id, -- Vocareum id of the part. -> marts.part_lineage, unless no mapping lists the part.
    courses.course_id, -- Course of the part; NULL if the part is unmapped, or mapped to several courses without evidence for one. -> marts.course_summary
    courses.course_name, -- Name of the course; NULL if course_id is, or if course_mapping never listed it.
    courses.assignment_id, -- Assignment of the part; NULL if course_id is, or if the part has several in its course. -> staging.assignments
    courses.assignment_name, -- Name of the assignment; NULL if assignment_id is, or if asn_mapping names none.
    coalesce(value - coalesce(value_before, 0), 0)::DECIMAL(38, 9) AS cost, -- US dollars spent since the series' previous counted value, exact. Negative only if an accumulation begins with a credit. 0 in a dip, whose spend is in the next cost.
    least(
        coalesce(compared.spend_date - counted_before, since_previous, if(billing_month IS NULL, 1, day(compared.spend_date))),
        CASE
            WHEN billing_month IS NOT NULL OR (rule = 'restart' AND evidence IN ('service_spend', 'first of the month'))
            THEN day(compared.spend_date)
        END
    )::INTEGER AS days_covered, -- Days since the series' previous counted value. For a first value: since the provider's previous file, even one with only its header, or 1 for an opening balance. Never before the first of the month in Azure, nor for a restart for which service_spend or the first of the month is the evidence. The next value covers the days of a dip too.
    coalesce(rule = 'restart', false) AS is_reset, -- Whether a new AWS accumulation started, so that cost is the new value: the value fell, or service_spend shows it on a first of the month on which the feed restarts.
    place = 1 AS is_first, -- Whether it is the first value of the account, user and part (in Azure: of the user, part and month); the cost is the value.
    compared.provider = 'aws' AND since_previous IS NULL AND place = 1 AS is_opening_balance, -- Whether it is a first value that accumulated at an unknown time before, so that it is not spend of its day: one in the first AWS file, or in a file with fewer rejected records than every earlier one, as one of those records may be of its series. A file with only its header shows that nothing had been spent.
    rule AS fall, -- Reading of a value that fell: restart, correction (no earlier value counts for more) or dip (one bad file, skipped); NULL if it did not fall, except for a restart that service_spend shows. staging.aws_falls has the rules.
    CASE WHEN rule IS NOT NULL THEN evidence END AS fall_evidence, -- Evidence for the reading: service_spend, first of the month, deactivation, month to date (Azure); NULL if it is a guess from the values alone.
    CASE WHEN rule IS NOT NULL THEN at_stake END AS fall_at_stake -- US dollars by which the series' total would change if a restart were none, or the reverse; NULL in Azure. Do not sum over days.
FROM compared
JOIN days ON days.provider = compared.provider AND days.spend_date = compared.spend_date
LEFT JOIN staging.spend_courses AS courses
    ON courses.user_id = compared.user_id AND courses.part_id = compared.part_id
    AND courses.month = date_trunc('month', compared.spend_date)
