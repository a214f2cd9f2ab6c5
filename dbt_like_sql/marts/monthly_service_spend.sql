-- AWS spend per month, course and service. The newest month grows until Vocareum closes it.
SELECT
    spend.month, -- First day of the month.
    spend.aws_account_id, -- AWS account. -> marts.spend_reconciliation
    spend.user_id, -- Vocareum id of the user. -> marts.student_course_summary, unless none of the user's spend has a course.
    coalesce(spend.course_id, courses.course_id) AS course_id, -- Course as delivered, else the course of the user's spend on the part in the month; NULL if neither is known. -> marts.course_summary, unless only service_spend names the course.
    names.course_name, -- Name of the course; NULL if course_id is, or if course_mapping never listed it.
    spend.part_id, -- Vocareum id of the part. -> marts.part_lineage, unless no mapping lists the part.
    spend.service, -- Name of the AWS service.
    sum(spend.cost)::DECIMAL(38, 9) AS cost -- US dollars, exact; credits and refunds are negative.
FROM staging.service_spend AS spend
LEFT JOIN staging.spend_courses AS courses
    ON courses.user_id = spend.user_id AND courses.part_id = spend.part_id AND courses.month = spend.month
LEFT JOIN staging.courses AS names ON names.course_id = coalesce(spend.course_id, courses.course_id)
GROUP BY
    spend.month, spend.aws_account_id, spend.user_id, coalesce(spend.course_id, courses.course_id), names.course_name, spend.part_id,
    spend.service
