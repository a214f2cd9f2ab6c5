SELECT coalesce(course, 'all') AS course, sum(cost) AS idle
FROM idle_days, span
WHERE day > last_spend - 30
GROUP BY GROUPING SETS ((), (course))
