-- What each user and part spent each day on AWS and Azure, derived from the accumulated feeds. One row for each value reported,
-- zero where nothing changed. A series that a delivered file does not list is taken as unchanged.
-- AWS: the value minus the previous one of the same account, user and part. Azure: the same within each month, where a value
-- that falls corrects the days before it (none counts for more than a later value of its month), so that the month's bill is its last.
-- Costs carry a part id alone; a part that no mapping knows keeps an empty course, so that totals tie.
WITH
reported AS (
    SELECT file_date AS spend_date, 'aws' AS provider, aws_account_id, user_id, part_id, NULL::DATE AS billing_month, accumulated
    FROM staging.aws_cost
    UNION ALL
    SELECT
        spend_date, 'azure', NULL, user_id, part_id, billing_month,
        min(accumulated) OVER (
            PARTITION BY billing_month, user_id, part_id
            ORDER BY spend_date ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        )
    FROM staging.azure_cost
),
days AS (
    SELECT provider, spend_date, (spend_date - lag(spend_date) OVER (PARTITION BY provider ORDER BY spend_date)) AS since_previous
    FROM (SELECT DISTINCT provider, spend_date FROM reported)
),
compared AS (
    SELECT
        *,
        lag(accumulated) OVER (
            PARTITION BY provider, aws_account_id, user_id, part_id, billing_month
            ORDER BY spend_date
        ) AS previous
    FROM reported
)
SELECT
    compared.spend_date, -- UTC day of the spend: the last of the days covered.
    compared.provider, -- aws or azure.
    compared.aws_account_id, -- AWS account; NULL for azure, which names none.
    compared.user_id, -- Vocareum id of the user.
    compared.part_id, -- Vocareum id of the part.
    parts.course_id, -- Course of the part; NULL where no mapping knows the part.
    parts.assignment_id, -- Assignment of the part; NULL where no mapping knows the part.
    CASE
        WHEN accumulated >= previous THEN accumulated - previous ELSE accumulated
    END::DECIMAL(18, 9) AS cost, -- US dollars spent since the previous reported value, exact.
    CASE
        WHEN billing_month IS NULL THEN coalesce(since_previous, 1)
        ELSE least(day(compared.spend_date), coalesce(since_previous, day(compared.spend_date)))
    END::INTEGER AS days_covered, -- Days since the provider's previous file with any row. 1 in the first file of AWS, whose accumulation began at an unknown time; in Azure never before the first of the month.
    coalesce(accumulated < previous, false) AS is_reset, -- Whether the value of AWS fell: a new accumulation began, and the cost is the new value.
    previous IS NULL AS is_first -- Whether it is the first value of the account, user and part (in Azure: of the user, part and month); the cost is the value.
FROM compared
JOIN days ON days.provider = compared.provider AND days.spend_date = compared.spend_date
LEFT JOIN staging.parts AS parts ON parts.part_id = compared.part_id
