-- AWS spend of each month by service. The newest month grows until Vocareum closes it.
SELECT
    spend.month, -- First day of the month.
    spend.aws_account_id, -- AWS account.
    spend.user_id, -- Vocareum id of the user.
    coalesce(spend.course_id, parts.course_id) AS course_id, -- Course as delivered, or else that of the part; NULL where neither is known.
    spend.part_id, -- Vocareum id of the part.
    spend.service, -- Name of the AWS service.
    sum(spend.cost)::DECIMAL(18, 9) AS cost -- US dollars, exact.
FROM staging.service_spend AS spend
LEFT JOIN staging.parts AS parts ON parts.part_id = spend.part_id
GROUP BY spend.month, spend.aws_account_id, spend.user_id, coalesce(spend.course_id, parts.course_id), spend.part_id, spend.service
