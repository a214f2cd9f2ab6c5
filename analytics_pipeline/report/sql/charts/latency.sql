-- Leave out percentiles of too few launches: 10 for p90, 100 for p99.
WITH launches AS (
    SELECT date_trunc('week', session_date)::DATE AS week, course AS scope, launch_to_ready_seconds AS seconds
    FROM sessions
    WHERE launch_to_ready_seconds IS NOT NULL
),
weeks AS (
    SELECT
        week, coalesce(scope, 'all') AS course, count(*) AS launches,
        quantile_disc(seconds, [0.5, 0.9, 0.99]) AS waits
    FROM launches
    GROUP BY GROUPING SETS ((week), (week, scope))
),
each_one AS (
    SELECT
        week, course, launches, unnest(['p50', 'p90', 'p99']) AS percentile, unnest(waits) AS seconds, unnest([1, 10, 100]) AS least_launches
    FROM weeks
)
SELECT week AS day, course, percentile, round(seconds / 60, 2)::DOUBLE AS minutes, launches
FROM each_one
WHERE launches >= least_launches
ORDER BY ALL
