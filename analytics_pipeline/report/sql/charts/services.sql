-- The largest services of each selection. Smaller ones share one bar.
WITH spent AS (
    SELECT coalesce(courses.course, 'unknown') AS course, spend.service, sum(spend.cost) AS total
    FROM marts.monthly_service_spend AS spend
    LEFT JOIN courses ON courses.course_id = spend.course_id
    WHERE spend.month > (SELECT max(month) - INTERVAL 12 MONTH FROM marts.monthly_service_spend)
    GROUP BY ALL
),
summed AS (
    SELECT scopes.scope, spent.service, sum(spent.total) AS total
    FROM spent
    JOIN scopes ON scopes.course = spent.course
    GROUP BY ALL
),
placed AS (SELECT *, row_number() OVER (PARTITION BY scope ORDER BY total DESC, service) AS place FROM summed WHERE total > 0)
SELECT
    scope,
    CASE WHEN place <= 10 THEN coalesce(isolated(service), 'Unnamed') ELSE 'All other services' END AS service,
    least(min(place), 11)::INTEGER AS place,
    round(sum(total), 4)::DOUBLE AS cost
FROM placed
GROUP BY ALL
ORDER BY scope, place
