-- marts.monthly_service_spend has one row per month, account, user, course, part and service.
-- If it fails, a join multiplies money: look at staging.spend_courses.
SELECT month, aws_account_id, user_id, course_id, part_id, service, count(*) AS times
FROM marts.monthly_service_spend
GROUP BY month, aws_account_id, user_id, course_id, part_id, service
HAVING count(*) > 1
