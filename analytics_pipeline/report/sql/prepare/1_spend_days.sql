CREATE OR REPLACE TEMP TABLE spend_days AS
SELECT coalesce(courses.course, 'unknown') AS course, spend.day, spend.provider, spend.dating, sum(spend.cost) AS cost
FROM marts.spend_days AS spend
LEFT JOIN courses ON courses.course_id = spend.course_id
GROUP BY ALL;
