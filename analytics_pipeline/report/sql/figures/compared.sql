SELECT windows.scope, windows.period, windows.what, max(loaded.compared)::INTEGER AS days, max(loaded.within)::INTEGER AS within
FROM windows
JOIN loaded_days AS loaded ON loaded.what = windows.what AND loaded.since = windows.since AND loaded.until = windows.until
GROUP BY ALL
