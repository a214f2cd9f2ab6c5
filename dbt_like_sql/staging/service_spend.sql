-- AWS spend of a month by service, one row per month, account, user, course, part and service.
-- Where a file repeats a row, the greater value counts: the month's values only grow while it is open.
SELECT
    file_month AS month, -- First day of the month.
    aws_account_id, -- AWS account.
    user_id, -- Vocareum id of the user.
    course_id, -- Vocareum id of the course, as delivered; it may be empty.
    part_id, -- Vocareum id of the part.
    service, -- Name of the AWS service.
    max(cost) AS cost -- US dollars in the month so far.
FROM raw.service_spend
GROUP BY file_month, aws_account_id, user_id, course_id, part_id, service
