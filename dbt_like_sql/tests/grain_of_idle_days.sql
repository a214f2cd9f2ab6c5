-- marts.idle_days has one row per day, course, part, provider and dating. If it fails, look at the last GROUP BY of the mart.
SELECT day, course_id, part_id, provider, dating, count(*) AS times
FROM marts.idle_days
GROUP BY day, course_id, part_id, provider, dating
HAVING count(*) > 1
