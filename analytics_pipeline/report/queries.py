"""What the page asks of the published file: SQL alone, marts and `ops` only, never an id of a person in the result.

Every query groups by `course`: a course id as text, 'other' beyond the largest courses, 'unknown' where no mapping knows
the part. A query whose figures can't be added up over courses (percentiles, peaks) has rows with course 'all' as well.
"""

# A name in right-to-left letters, or with marks that turn the direction, would reorder the words and figures beside it. It is
# put between FSI and PDI; isolating marks of its own, which could end that, are taken out.
PREPARE = r"""
CREATE OR REPLACE TEMP MACRO isolated(name) AS
    CASE
        WHEN regexp_matches(name, '[\x{200E}\x{200F}\x{061C}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{0590}-\x{08FF}\x{FB1D}-\x{FDFF}\x{FE70}-\x{FEFC}\x{10800}-\x{10FFF}\x{1E800}-\x{1EFFF}]')
            THEN chr(8296) || regexp_replace(name, '[\x{2066}-\x{2069}]', '', 'g') || chr(8297)
        ELSE name
    END;

CREATE OR REPLACE TEMP TABLE courses AS
WITH ranked AS (
    SELECT
        course_id,
        coalesce(isolated(course_name), 'Course ' || course_id) AS name,
        row_number() OVER (ORDER BY spend DESC, sessions DESC, students DESC, course_id) AS place
    FROM marts.course_summary
    WHERE course_id IS NOT NULL AND (spend > 0 OR sessions > 0 OR students > 0)
)
SELECT
    course_id,
    CASE WHEN place <= $most_courses THEN course_id::VARCHAR ELSE 'other' END AS course,
    CASE
        WHEN place > $most_courses THEN 'Other courses'
        WHEN count(*) OVER (PARTITION BY name) > 1 THEN name || ' (' || course_id || ')'
        ELSE name
    END AS label,
    place
FROM ranked;

CREATE OR REPLACE TEMP TABLE span AS
SELECT
    min(day) AS first_day,
    max(day) AS last_day,
    max(day) FILTER (what = 'spend') AS last_spend,
    max(day) FILTER (what = 'sessions') AS last_session,
    coalesce(date_diff('day', min(day), max(day)) >= $most_days, false) AS is_weekly
FROM (
    SELECT 'spend' AS what, spend_date AS day FROM marts.daily_cloud_spend
    UNION ALL
    -- The files' days: a session's own time may be a clock gone wrong.
    SELECT 'sessions', period FROM marts.data_completeness WHERE dataset = 'lab_sessions' AND loaded
);

CREATE OR REPLACE TEMP MACRO bucket(day) AS
    CASE WHEN (SELECT is_weekly FROM span) THEN date_trunc('week', day)::DATE ELSE day END;

-- A value that covers several days is spread evenly over them; what AWS had accumulated before its first file stays apart.
CREATE OR REPLACE TEMP MACRO spread(spend) AS TABLE
    SELECT
        * EXCLUDE (total, days_covered, spend_date),
        (total / days_covered)::DECIMAL(18, 9) AS cost,
        unnest(generate_series(spend_date - days_covered + 1, spend_date, INTERVAL 1 DAY))::DATE AS day,
        CASE
            WHEN provider = 'aws' AND spend_date = (SELECT min(spend_date) FROM marts.daily_cloud_spend WHERE provider = 'aws')
            THEN 'before the first file'
            WHEN days_covered > 1 THEN 'spread over missing days'
            ELSE 'as delivered'
        END AS dating
    FROM (
        SELECT
            coalesce(courses.course, 'unknown') AS course, spend.provider, spend.spend_date, spend.days_covered,
            sum(spend.cost) AS total
        FROM query_table(spend) AS spend
        LEFT JOIN courses ON courses.course_id = spend.course_id
        GROUP BY ALL
    );

CREATE OR REPLACE TEMP TABLE spend_days AS FROM spread('marts.daily_cloud_spend');
CREATE OR REPLACE TEMP TABLE idle_days AS FROM spread('marts.idle_spend');

CREATE OR REPLACE TEMP VIEW sessions AS
SELECT
    coalesce(courses.course, 'unknown') AS course,
    session.*,
    coalesce(people.is_student AND people.is_enrolled, false) AS is_enrolled_student
FROM marts.lab_sessions AS session
LEFT JOIN courses ON courses.course_id = session.course_id
LEFT JOIN marts.student_course_summary AS people
    ON people.user_id = session.user_id AND people.course_id = session.course_id
WHERE session.session_date BETWEEN (SELECT first_day - 1 FROM span) AND (SELECT last_day + 1 FROM span);
"""
"""Run once per connection, before the queries. Parameters: most_courses, most_days (beyond it, figures are weekly)."""

SPAN = "SELECT first_day, last_day, last_spend, last_session, is_weekly FROM span"

COURSES = """
SELECT course, min(label) AS label, min(place) AS place FROM courses GROUP BY course
UNION ALL
SELECT 'unknown', 'No known course', NULL
WHERE EXISTS (SELECT 1 FROM spend_days WHERE course = 'unknown' AND cost <> 0)
   OR EXISTS (SELECT 1 FROM sessions WHERE course = 'unknown')
ORDER BY place NULLS LAST, label
"""

FRESHNESS = """
SELECT dataset, strftime(max(period), '%Y-%m-%d') AS newest, max(last_modified) AS written, count(*) AS files, sum(rows)::BIGINT AS rows,
    coalesce(max(length(partition)) = 10 AND max(period) IS NOT NULL, false) AS is_daily -- 2026-01-09, not 2026-01
FROM ops.loaded_files
GROUP BY dataset
ORDER BY dataset
"""

SPEND_FIGURES = """
SELECT
    coalesce(course, 'all') AS course,
    sum(cost) FILTER (day > last_spend - 30) AS spend,
    sum(cost) FILTER (day <= last_spend - 30) AS spend_before
FROM spend_days, span
WHERE day > last_spend - 60 AND dating <> 'before the first file'
GROUP BY GROUPING SETS ((), (course))
"""

IDLE_FIGURES = """
SELECT coalesce(course, 'all') AS course, sum(cost) AS idle
FROM idle_days, span
WHERE day > last_spend - 30
GROUP BY GROUPING SETS ((), (course))
"""

SESSION_FIGURES = """
SELECT
    coalesce(course, 'all') AS course,
    count(*) FILTER (session_date > last_session - 30) AS sessions,
    count(*) FILTER (session_date <= last_session - 30) AS sessions_before,
    count(*) FILTER (session_date > last_session - 30 AND NOT succeeded) AS failed,
    count(DISTINCT user_id) FILTER (session_date > last_session - 30 AND is_enrolled_student AND succeeded) AS active,
    count(DISTINCT user_id) FILTER (session_date > last_session - 30 AND is_enrolled_student) - active AS failed_only
FROM sessions, span
WHERE session_date BETWEEN last_session - 59 AND last_session
GROUP BY GROUPING SETS ((), (course))
"""

STUDENT_FIGURES = """
SELECT coalesce(scope, 'all') AS course, count(DISTINCT user_id) AS students
FROM (
    SELECT coalesce(courses.course, 'unknown') AS scope, people.user_id
    FROM marts.student_course_summary AS people
    LEFT JOIN courses ON courses.course_id = people.course_id
    WHERE people.is_student AND people.is_enrolled
)
GROUP BY GROUPING SETS ((), (scope))
"""

COMPLETENESS_FIGURES = """
SELECT count(*) AS periods, count(*) FILTER (loaded) AS loaded, count(*) FILTER (newest_failed) AS failed
FROM marts.data_completeness
"""
