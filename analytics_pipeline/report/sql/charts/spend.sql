SELECT bucket(day) AS day, course, provider, dating, round(sum(cost), 4)::DOUBLE AS cost
FROM spend_days
GROUP BY ALL
HAVING sum(cost) <> 0
ORDER BY ALL
