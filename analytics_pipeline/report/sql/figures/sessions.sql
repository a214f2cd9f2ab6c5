SELECT
    scopes.scope,
    windows.period,
    coalesce(sum(used.sessions) FILTER (used.day >= windows.since), 0)::BIGINT AS sessions,
    coalesce(sum(used.failed) FILTER (used.day >= windows.since), 0)::BIGINT AS failed,
    coalesce(sum(used.never_ready) FILTER (used.day >= windows.since), 0)::BIGINT AS never_ready,
    coalesce(sum(used.minutes) FILTER (used.day >= windows.since), 0) AS minutes,
    coalesce(sum(used.sessions) FILTER (loaded.place <= loaded.compared), 0)::BIGINT AS newest,
    coalesce(sum(used.sessions) FILTER (loaded.place > loaded.compared AND loaded.place <= 2 * loaded.compared), 0)::BIGINT AS before
FROM session_days AS used
JOIN scopes ON scopes.course = used.course
JOIN windows ON windows.scope = scopes.scope AND windows.what = 'sessions' AND windows.until >= used.day
LEFT JOIN loaded_days AS loaded
    ON loaded.what = 'sessions' AND loaded.day = used.day AND loaded.since = windows.since AND loaded.until = windows.until
GROUP BY ALL
