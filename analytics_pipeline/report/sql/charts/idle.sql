SELECT bucket(day) AS day, course, dating, round(sum(cost), 4)::DOUBLE AS cost
FROM idle_days
GROUP BY ALL
HAVING sum(cost) > 0
ORDER BY ALL
