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

CREATE OR REPLACE TEMP TABLE spend_days AS
SELECT coalesce(courses.course, 'unknown') AS course, spend.day, spend.provider, spend.dating, sum(spend.cost) AS cost
FROM marts.spend_days AS spend
LEFT JOIN courses ON courses.course_id = spend.course_id
GROUP BY ALL;

-- Idle spend from the second day after a session on: a bill may follow its session by a day. Spread as marts.spend_days does.
CREATE OR REPLACE TEMP TABLE idle_days AS
WITH
totals AS (
    SELECT
        coalesce(courses.course, 'unknown') AS course, spend_date, days_covered, sum(cost) AS total,
        coalesce(days_since_session = 1, false) AS follows_a_session
    FROM marts.idle_spend AS idle
    LEFT JOIN courses ON courses.course_id = idle.course_id
    GROUP BY ALL
),
shares AS (
    SELECT *, (total / days_covered)::DECIMAL(38, 9) AS share, unnest(range(days_covered))::INTEGER AS days_before
    FROM totals
)
SELECT
    course,
    spend_date - days_before AS day,
    CASE WHEN days_covered > 1 THEN 'spread over several days' ELSE 'as delivered' END AS dating,
    CASE WHEN days_before = 0 THEN total - share * (days_covered - 1) ELSE share END AS cost
FROM shares
WHERE NOT (follows_a_session AND days_before = days_covered - 1);

-- The loaded days of spend and of sessions, the newest first. A day is loaded if every cost file that is due for it is; the first file of
-- AWS tells no spend of its day.
CREATE OR REPLACE TEMP TABLE loaded_days AS
WITH
days AS (
    SELECT CASE dataset WHEN 'lab_sessions' THEN 'sessions' ELSE 'spend' END AS what, period AS day
    FROM marts.data_completeness
    WHERE dataset IN ('aws_cost', 'azure_cost', 'lab_sessions')
    GROUP BY ALL
    HAVING bool_and(loaded)
)
SELECT
    what, day,
    row_number() OVER (PARTITION BY what ORDER BY day DESC) AS place,
    least(30, count(*) OVER (PARTITION BY what) // 2) AS compared
FROM days
WHERE what = 'sessions'
OR day > coalesce((SELECT max(spend_date) FROM marts.daily_cloud_spend WHERE is_opening_balance), DATE '0001-01-01');

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

# The changes compare equal numbers of loaded days: a day that was not delivered is no day without spend.
SPEND_FIGURES = """
SELECT
    coalesce(spent.course, 'all') AS course,
    sum(spent.cost) FILTER (spent.day > last_spend - 30) AS spend,
    coalesce(sum(spent.cost) FILTER (loaded.place <= loaded.compared), 0) AS newest,
    coalesce(sum(spent.cost) FILTER (loaded.place > loaded.compared AND loaded.place <= 2 * loaded.compared), 0) AS before
FROM span, spend_days AS spent
LEFT JOIN loaded_days AS loaded ON loaded.what = 'spend' AND loaded.day = spent.day
WHERE spent.dating <> 'before the first file'
GROUP BY GROUPING SETS ((), (spent.course))
"""

IDLE_FIGURES = """
SELECT coalesce(course, 'all') AS course, sum(cost) AS idle
FROM idle_days, span
WHERE day > last_spend - 30
GROUP BY GROUPING SETS ((), (course))
"""

SESSION_FIGURES = """
SELECT
    coalesce(session.course, 'all') AS course,
    count(*) FILTER (session_date > last_session - 30) AS sessions,
    count(*) FILTER (loaded.place <= loaded.compared) AS newest,
    count(*) FILTER (loaded.place > loaded.compared AND loaded.place <= 2 * loaded.compared) AS before,
    count(*) FILTER (session_date > last_session - 30 AND NOT succeeded) AS failed,
    count(DISTINCT user_id) FILTER (session_date > last_session - 30 AND is_enrolled_student AND succeeded) AS active,
    count(DISTINCT user_id) FILTER (session_date > last_session - 30 AND is_enrolled_student) - active AS failed_only
FROM span, sessions AS session
LEFT JOIN loaded_days AS loaded ON loaded.what = 'sessions' AND loaded.day = session.session_date
WHERE session_date <= last_session
GROUP BY GROUPING SETS ((), (session.course))
"""

COMPARED = "SELECT what AS course, max(compared)::INTEGER AS days FROM loaded_days GROUP BY what"

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

LOST = """
SELECT dataset, partition, detail FROM ops.absences WHERE closed_at IS NULL ORDER BY ALL
"""
