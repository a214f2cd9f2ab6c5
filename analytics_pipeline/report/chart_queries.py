"""The rows behind each chart: one query per chart, named as the page's JSON names its data.

They run after `queries.PREPARE`, whose tables and macros they use; money is rounded for drawing only, at the very end.
"""

SPEND = """
SELECT bucket(day) AS day, course, provider, dating, round(sum(cost), 4)::DOUBLE AS cost
FROM spend_days
GROUP BY ALL
HAVING sum(cost) <> 0
ORDER BY ALL
"""

# The largest services of the organisation and of each course; what is smaller is one bar.
SERVICES = """
WITH spent AS (
    SELECT coalesce(courses.course, 'unknown') AS scope, spend.service, sum(spend.cost) AS total
    FROM marts.monthly_service_spend AS spend
    LEFT JOIN courses ON courses.course_id = spend.course_id
    WHERE spend.month > (SELECT max(month) - INTERVAL 12 MONTH FROM marts.monthly_service_spend)
    GROUP BY ALL
),
summed AS (
    SELECT coalesce(scope, 'all') AS course, service, sum(total) AS total
    FROM spent
    GROUP BY GROUPING SETS ((service), (scope, service))
),
placed AS (SELECT *, row_number() OVER (PARTITION BY course ORDER BY total DESC, service) AS place FROM summed WHERE total > 0)
SELECT
    course,
    CASE WHEN place <= 10 THEN coalesce(isolated(service), 'Unnamed') ELSE 'All other services' END AS service,
    least(min(place), 11)::INTEGER AS place,
    round(sum(total), 4)::DOUBLE AS cost
FROM placed
GROUP BY ALL
ORDER BY course, place
"""

IDLE = """
SELECT bucket(day) AS day, course, dating, round(sum(cost), 4)::DOUBLE AS cost
FROM idle_days
GROUP BY ALL
HAVING sum(cost) > 0
ORDER BY ALL
"""

COURSE_TOTALS = """
SELECT
    courses.course,
    sum(totals.spend)::DOUBLE AS cost,
    sum(totals.sessions)::BIGINT AS sessions,
    sum(totals.students)::BIGINT AS students,
    sum(totals.failed_only_students)::BIGINT AS failed_only,
    (sum(totals.students_never_launched) + failed_only)::BIGINT AS never_seen,
    row_number() OVER (ORDER BY never_seen DESC, courses.course)::INTEGER AS place
FROM marts.course_summary AS totals
JOIN courses ON courses.course_id = totals.course_id
GROUP BY courses.course
ORDER BY cost DESC
"""

# Students as counts in cells of sessions and spend: nobody is a row. Cells are as wide as brings most people into 16 x 16.
STUDENTS = """
WITH people AS (
    SELECT coalesce(courses.course, 'unknown') AS course, sessions, spend
    FROM marts.student_course_summary AS people
    LEFT JOIN courses ON courses.course_id = people.course_id
    WHERE is_student AND (sessions > 0 OR spend > 0)
),
cell AS (
    SELECT
        greatest(1, ceil(quantile_cont(sessions, 0.98) / 16)) AS wide,
        greatest(0.05, ceil(quantile_cont(spend, 0.98) * 20 / 16) / 20) AS high
    FROM people
)
SELECT
    course,
    (floor(sessions / wide) * wide)::DOUBLE AS sessions_from, (sessions_from + wide)::DOUBLE AS sessions_to,
    round(floor(spend::DOUBLE / high) * high, 2) AS cost_from, round(cost_from + high, 2) AS cost_to,
    count(*) AS students
FROM people, cell
GROUP BY ALL
ORDER BY ALL
"""

SESSIONS = """
SELECT
    bucket(session_date) AS day, course, CASE WHEN succeeded THEN 'started' ELSE 'failed' END AS outcome, count(*) AS sessions
FROM sessions
GROUP BY ALL
ORDER BY ALL
"""

# A percentile of fewer launches than it takes to tell it is left out: 10 for p90, 100 for p99.
LATENCY = """
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
"""

# As marts.lab_concurrency_hourly sweeps, over the newest 13 weeks; peaks of courses can't be added up, hence the sweep of 'all'.
CONCURRENCY = """
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
"""

# The worst of a week where days are too many to draw.
COMPLETENESS = """
WITH states AS (
    SELECT
        dataset,
        period,
        -- A monthly dataset has nothing between its months.
        dataset IN (SELECT dataset FROM marts.data_completeness GROUP BY dataset HAVING bool_and(day(period) = 1)) AS is_monthly,
        CASE
            WHEN NOT delivered THEN 'missing'
            WHEN NOT loaded OR newest_failed THEN 'failed'
            WHEN late THEN 'late'
            ELSE 'on time'
        END AS state,
        list_position(['on time', 'late', 'missing', 'failed'], state) AS severity
    FROM marts.data_completeness
)
SELECT
    dataset,
    CASE WHEN is_monthly THEN period ELSE bucket(period) END AS day,
    (any_value(CASE WHEN is_monthly THEN period ELSE bucket(period) END) + any_value(CASE
        WHEN is_monthly THEN INTERVAL 1 MONTH
        WHEN (SELECT is_weekly FROM span) THEN INTERVAL 7 DAY
        ELSE INTERVAL 1 DAY
    END))::DATE AS until,
    arg_max(state, severity) AS state,
    count(*) FILTER (severity > 2) AS absent,
    count(*) AS periods
FROM states
GROUP BY ALL
ORDER BY ALL
"""

REJECTS = """
WITH broken AS (
    SELECT dataset, "column" || ': ' || reason AS reason, sum(count)::BIGINT AS records, count(DISTINCT partition) AS files
    FROM ops.findings
    WHERE is_error
    GROUP BY ALL
)
SELECT *, row_number() OVER (ORDER BY records DESC, dataset, reason)::INTEGER AS place
FROM broken
QUALIFY place <= 12
ORDER BY place
"""

CHART_QUERIES = {
    "spend": SPEND,
    "services": SERVICES,
    "idle": IDLE,
    "course_totals": COURSE_TOTALS,
    "students": STUDENTS,
    "sessions": SESSIONS,
    "latency": LATENCY,
    "concurrency": CONCURRENCY,
    "completeness": COMPLETENESS,
    "rejects": REJECTS,
}
