-- The newest 13 weeks. Peaks of courses don't add up. The mart has peaks of single courses; this query sweeps other selections as
-- the mart does. Hours follow the page's time zone; if its offset is not a full hour, this query sweeps all selections.
WITH recent AS (SELECT greatest(last_session - 90, first_day) AS first_day, last_session AS last_day FROM span),
ran AS (
    SELECT scopes.scope, sessions.start_time, sessions.counted_end AS end_time
    FROM recent, sessions
    JOIN scopes ON scopes.course = sessions.course
    WHERE NOT (getvariable('zone_minutes') = 0 AND regexp_full_match(scopes.scope, '\d+'))
    AND sessions.start_time < sessions.counted_end AND sessions.session_date BETWEEN recent.first_day AND recent.last_day
),
changes AS (
    SELECT scope, moment, sum(step) AS step
    FROM (SELECT scope, start_time AS moment, 1 AS step FROM ran UNION ALL SELECT scope, end_time, -1 FROM ran)
    GROUP BY ALL
),
levels AS (
    SELECT scope, moment, lead(moment) OVER swept AS until, sum(step) OVER swept AS running
    FROM changes
    WINDOW swept AS (PARTITION BY scope ORDER BY moment)
),
spread AS (
    SELECT
        scope, running,
        unnest(generate_series(
            date_trunc('hour', moment - to_minutes(getvariable('zone_minutes'))) + to_minutes(getvariable('zone_minutes')),
            until - INTERVAL 1 MICROSECOND,
            INTERVAL 1 HOUR
        )) AS hour
    FROM levels
    WHERE running > 0
),
peaks AS (
    SELECT scope, hour, max(running) AS peak
    FROM spread
    GROUP BY scope, hour
    UNION ALL
    SELECT scopes.scope, mart.hour, mart.peak_sessions
    FROM recent, marts.lab_concurrency_hourly AS mart
    JOIN (SELECT DISTINCT scope FROM scopes) AS scopes ON scopes.scope = mart.course_id::VARCHAR
    WHERE getvariable('zone_minutes') = 0 AND mart.hour >= recent.first_day
),
begun AS (
    SELECT unnest(generate_series(
        first_day + to_minutes(getvariable('zone_minutes')), last_day + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND, INTERVAL 1 HOUR
    )) AS hour
    FROM recent
),
-- The offset at that time: that of the newest earlier change.
shown AS (
    SELECT begun.hour, begun.hour + to_minutes(clock_changes.minutes) AS local_time
    FROM begun
    ASOF JOIN clock_changes ON clock_changes.since <= begun.hour
),
hours AS (
    SELECT
        hour, isodow(local_time)::INTEGER AS weekday, hour(local_time)::INTEGER AS local_hour,
        count(*) OVER (PARTITION BY isodow(local_time), hour(local_time)) AS times
    FROM shown
)
SELECT
    peaks.scope, hours.weekday, hours.local_hour AS hour,
    round(sum(peaks.peak) / any_value(hours.times), 2)::DOUBLE AS usual, max(peaks.peak)::INTEGER AS highest
FROM peaks
JOIN hours ON hours.hour = peaks.hour
GROUP BY ALL
ORDER BY ALL
