-- The sweep of marts.lab_concurrency_hourly over the newest 13 weeks. Peaks of courses can't be summed, so 'all' is swept too.
WITH recent AS (SELECT greatest(last_session - 90, first_day) AS first_day, last_session AS last_day FROM span),
ran AS (
    SELECT unnest(['all', course]) AS scope, start_time, least(end_time, start_time + INTERVAL 31 DAY) AS end_time
    FROM sessions, recent
    WHERE start_time < end_time AND session_date BETWEEN recent.first_day AND recent.last_day
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
hours AS (
    SELECT
        scope, running,
        unnest(generate_series(date_trunc('hour', moment), until - INTERVAL 1 MICROSECOND, INTERVAL 1 HOUR)) AS hour
    FROM levels
    WHERE running > 0
),
peaks AS (SELECT scope, hour, max(running) AS peak FROM hours, recent WHERE hour < recent.last_day + 1 GROUP BY scope, hour),
weekdays AS (
    SELECT isodow(day) AS weekday, count(*) AS days
    FROM (SELECT unnest(generate_series(first_day, last_day, INTERVAL 1 DAY)) AS day FROM recent)
    GROUP BY ALL
)
SELECT
    peaks.scope AS course, weekdays.weekday::INTEGER AS weekday, hour(peaks.hour)::INTEGER AS hour,
    round(sum(peaks.peak) / any_value(weekdays.days), 2)::DOUBLE AS usual, max(peaks.peak)::INTEGER AS highest
FROM peaks
JOIN weekdays ON weekdays.weekday = isodow(peaks.hour)
GROUP BY ALL
ORDER BY ALL
