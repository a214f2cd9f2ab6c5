-- Omits percentiles with too few launches: p90 needs 10, p99 needs 100. Percentiles don't add up. The mart has those of the
-- organisation and of single courses; this query computes those of other selections.
WITH launches AS (
    SELECT date_trunc('week', sessions.session_date)::DATE AS week, scopes.scope, sessions.launch_to_ready_seconds AS seconds
    FROM sessions
    JOIN scopes ON scopes.course = sessions.course
    WHERE sessions.launch_to_ready_seconds IS NOT NULL AND scopes.scope <> 'all' AND NOT regexp_full_match(scopes.scope, '\d+')
),
weeks AS (
    SELECT week, scope, count(*) AS launches, quantile_disc(seconds, [0.5, 0.9, 0.99]) AS waits
    FROM launches
    GROUP BY ALL
    UNION ALL
    SELECT mart.week, scopes.scope, mart.waits, [mart.p50, mart.p90, mart.p99]
    FROM marts.lab_launches_weekly AS mart
    JOIN (SELECT DISTINCT scope FROM scopes) AS scopes ON scopes.scope = coalesce(mart.course_id::VARCHAR, 'all')
    WHERE mart.lab_type IS NULL AND mart.waits > 0
    AND mart.week BETWEEN (SELECT first_day - 7 FROM span) AND (SELECT last_day + 1 FROM span)
),
percentiles AS (
    SELECT
        week, scope, launches, unnest(['p50', 'p90', 'p99']) AS percentile, unnest(waits) AS seconds, unnest([1, 10, 100]) AS least_launches
    FROM weeks
)
SELECT week AS day, scope, percentile, round(seconds / 60, 2)::DOUBLE AS minutes, launches
FROM percentiles
WHERE launches >= least_launches
ORDER BY ALL
