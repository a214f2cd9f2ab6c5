-- Term and department of each course: from course_labels, otherwise derived from the course's own sessions, never from its
-- name. A derived term is the quarter of the median session, and may change while the course runs. It is never the same as a label.
WITH
medians AS (
    SELECT
        course_id,
        quantile_disc(session_date, 0.5) AS middle,
        year(middle) || ' Q' || quarter(middle) AS quarter,
        max(session_date) AS last_day
    FROM marts.lab_sessions
    GROUP BY course_id
),
days AS (
    SELECT course_id, day, day - lag(day) OVER (PARTITION BY course_id ORDER BY day) AS days_since
    FROM (SELECT DISTINCT course_id, session_date AS day FROM marts.lab_sessions)
),
-- A teacher may try a lab in the term before, and a clock error may date a session years back. Neither begins the course: it begins after
-- the last pause of more than six weeks before the median session. Holidays, or a month without files, are shorter.
sessions AS (
    SELECT medians.course_id, medians.quarter, medians.last_day, max(days.day) AS first_day
    FROM medians
    JOIN days ON days.course_id = medians.course_id AND days.day <= medians.middle
    WHERE days.days_since IS NULL OR days.days_since > 42
    GROUP BY ALL
),
keys AS (
    SELECT course_id FROM staging.course_labels
    UNION
    SELECT course_id FROM staging.courses
    UNION
    SELECT course_id FROM staging.part_courses
    UNION
    SELECT course_id FROM marts.student_course_summary
    UNION
    SELECT course_id FROM sessions WHERE course_id IS NOT NULL
)
SELECT
    keys.course_id, -- Vocareum id of the course -> marts.course_summary.
    labels.department, -- Department responsible for the course, from course_labels; NULL without a label.
    coalesce(
        labels.term,
        CASE WHEN sessions.quarter IN (SELECT term FROM staging.course_labels) THEN sessions.quarter || ' (by sessions)' END,
        sessions.quarter
    ) AS term, -- Term from course_labels, otherwise derived, such as `2026 Q4`, or `2026 Q4 (by sessions)` if a label has the name `2026 Q4`. NULL if the course has neither a label nor sessions.
    labels.term IS NULL AND sessions.quarter IS NOT NULL AS is_derived, -- Whether the term is derived from sessions instead of course_labels.
    coalesce(labels.starts_on, sessions.first_day) AS starts_on, -- First UTC day of the course: from course_labels, otherwise of its first session after the last pause of more than six weeks before its median session.
    coalesce(labels.ends_on, sessions.last_day) AS ends_on, -- Last UTC day of the course: from course_labels, otherwise of its newest session.
    labels.ends_on IS NOT NULL AS end_is_known -- Whether ends_on comes from course_labels. If not, sessions may still follow.
FROM keys
LEFT JOIN staging.course_labels AS labels ON labels.course_id = keys.course_id
LEFT JOIN sessions ON sessions.course_id = keys.course_id
