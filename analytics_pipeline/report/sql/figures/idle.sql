SELECT scopes.scope, windows.period, sum(idle.cost) AS idle
FROM idle_days AS idle
JOIN scopes ON scopes.course = idle.course
JOIN windows ON windows.scope = scopes.scope AND windows.what = 'spend' AND idle.day BETWEEN windows.since AND windows.until
GROUP BY ALL
