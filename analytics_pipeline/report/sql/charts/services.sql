-- The largest services of the organisation and of each course; the smaller ones are one bar.
WITH spent AS (
    SELECT coalesce(courses.course, 'unknown') AS scope, spend.service, sum(spend.cost) AS total
    FROM marts.monthly_service_spend AS spend
    LEFT JOIN courses ON courses.course_id = spend.course_id
    WHERE spend.month > (SELECT max(month) - INTERVAL 12 MONTH FROM marts.monthly_service_spend)
    GROUP BY ALL
),
summed AS (
    SELECT coalesce(scope, 'all') AS course, service, sum(total) AS total
    FROM spent
    GROUP BY GROUPING SETS ((service), (scope, service))
),
placed AS (SELECT *, row_number() OVER (PARTITION BY course ORDER BY total DESC, service) AS place FROM summed WHERE total > 0)
SELECT
    course,
    CASE WHEN place <= 10 THEN coalesce(isolated(service), 'Unnamed') ELSE 'All other services' END AS service,
    least(min(place), 11)::INTEGER AS place,
    round(sum(total), 4)::DOUBLE AS cost
FROM placed
GROUP BY ALL
ORDER BY course, place
