-- marts.daily_cloud_spend under the column names of FOCUS, the FinOps cost specification, for tools that expect them. It does not
-- conform to FOCUS: Vocareum delivers no invoice, service, price or usage quantity, so mandatory columns such as ServiceName, ListCost
-- and EffectiveCost are missing. Columns with the prefix x_ are our own. One row per charge other than zero; sums are exact.
-- materialized: view
SELECT
    spend.cost AS BilledCost, -- US dollars, exact. Negative for credits.
    'USD' AS BillingCurrency, -- Currency of BilledCost, always USD.
    date_trunc('month', spend.spend_date)::TIMESTAMP AS BillingPeriodStart, -- Start of the month of the charge's last day (UTC).
    (date_trunc('month', spend.spend_date) + INTERVAL 1 MONTH)::TIMESTAMP AS BillingPeriodEnd, -- Start of the next month (UTC), exclusive.
    (spend.spend_date - spend.days_covered + 1)::TIMESTAMP AS ChargePeriodStart, -- Start of the first covered day (UTC). The true start of an opening balance is unknown.
    (spend.spend_date + 1)::TIMESTAMP AS ChargePeriodEnd, -- End of the last covered day (UTC), exclusive.
    CASE WHEN spend.cost < 0 THEN 'Credit' ELSE 'Usage' END AS ChargeCategory, -- Usage, or Credit if the cost is negative.
    CASE spend.provider WHEN 'aws' THEN 'AWS' WHEN 'azure' THEN 'Microsoft' ELSE spend.provider END AS ProviderName, -- AWS or Microsoft.
    spend.aws_account_id AS SubAccountId, -- AWS account; NULL for Azure, which names none. -> marts.spend_reconciliation.aws_account_id
    spend.part_id::VARCHAR AS ResourceId, -- Vocareum id of the part, as text: the smallest unit with delivered costs.
    spend.user_id AS x_UserId, -- Vocareum id of the user. -> marts.student_course_summary.user_id, unless none of the user's spend has a course.
    spend.course_id AS x_CourseId, -- Course of the part; NULL if the part is unmapped, or mapped to several courses without evidence for one. -> marts.course_summary.course_id
    spend.course_name AS x_CourseName, -- Name of the course; NULL if x_CourseId is, or if course_mapping never listed it.
    spend.assignment_id AS x_AssignmentId, -- Assignment of the part; NULL if x_CourseId is, or if the part has several in its course. -> staging.assignments.assignment_id
    spend.assignment_name AS x_AssignmentName, -- Name of the assignment; NULL if x_AssignmentId is, or if asn_mapping names none.
    spend.is_opening_balance AS x_IsOpeningBalance -- Whether AWS had accumulated it by its first file, at an unknown time. Exclude these rows from any period.
FROM marts.daily_cloud_spend AS spend
WHERE spend.cost <> 0
