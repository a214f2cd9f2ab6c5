-- Changes compare equal numbers of loaded days, as a missing file does not mean zero spend. Only days whose sessions are loaded can be
-- judged as idle or not.
SELECT
    scopes.scope,
    windows.period,
    coalesce(sum(spent.cost) FILTER (spent.day BETWEEN windows.since AND windows.until), 0) AS spend,
    coalesce(sum(spent.cost) FILTER (used.day IS NOT NULL AND spent.day BETWEEN windows.since AND windows.until), 0) AS judged,
    count(DISTINCT spent.day) FILTER (spent.day BETWEEN windows.since AND windows.until) AS days,
    count(DISTINCT used.day) FILTER (used.day BETWEEN windows.since AND windows.until) AS judged_days,
    coalesce(sum(spent.cost) FILTER (loaded.place <= loaded.compared), 0) AS newest,
    coalesce(sum(spent.cost) FILTER (loaded.place > loaded.compared AND loaded.place <= 2 * loaded.compared), 0) AS before
FROM spend_days AS spent
JOIN scopes ON scopes.course = spent.course
JOIN windows ON windows.scope = scopes.scope AND windows.what = 'spend'
LEFT JOIN loaded_days AS loaded
    ON loaded.what = 'spend' AND loaded.day = spent.day AND loaded.since = windows.since AND loaded.until = windows.until
LEFT JOIN (SELECT period AS day FROM marts.data_completeness WHERE dataset = 'lab_sessions' AND loaded) AS used ON used.day = spent.day
WHERE spent.dating <> 'before the first file'
GROUP BY ALL
