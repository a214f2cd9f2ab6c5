-- marts.spend_days has one row per day, course, provider and dating.
-- If it fails, its join with marts.data_completeness multiplies money.
SELECT day, course_id, provider, dating, count(*) AS times
FROM marts.spend_days
GROUP BY day, course_id, provider, dating
HAVING count(*) > 1
