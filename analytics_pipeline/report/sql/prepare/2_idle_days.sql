CREATE OR REPLACE TEMP TABLE idle_days AS
SELECT coalesce(courses.course, 'unknown') AS course, idle.day, idle.dating, sum(idle.cost) AS cost
FROM marts.idle_days AS idle
LEFT JOIN courses ON courses.course_id = idle.course_id
GROUP BY ALL;
