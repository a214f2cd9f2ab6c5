-- AWS spend of a month by service, one row per month, account, user, course, part and service.
-- If a file repeats a row, the greatest amount counts, as values grow while the month is open. Every negative one (a credit or refund)
-- is a line of the bill and is added to it.
SELECT
    file_month AS month, -- First day of the month.
    aws_account_id, -- AWS account.
    user_id, -- Vocareum id of the user.
    course_id, -- Vocareum id of the course, as delivered; it may be empty.
    part_id, -- Vocareum id of the part.
    service, -- Name of the AWS service.
    (coalesce(max(cost) FILTER (cost >= 0), 0) + coalesce(sum(cost) FILTER (cost < 0), 0))::DECIMAL(38, 9) AS cost -- US dollars in the month so far.
FROM raw.service_spend
GROUP BY file_month, aws_account_id, user_id, course_id, part_id, service
