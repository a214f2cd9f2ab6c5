-- Each course has as many sessions in marts.lab_launches_daily, marts.lab_launches_weekly (by lab type, and for all),
-- marts.student_course_summary and marts.course_summary as in marts.lab_sessions. If it fails, a join or GROUP BY of the differing mart
-- loses or multiplies sessions.
WITH
sessions AS (SELECT course_id, count(*) AS sessions FROM marts.lab_sessions GROUP BY course_id),
others AS (
    SELECT 'lab_launches_daily' AS mart, course_id, sum(launches) AS sessions
    FROM marts.lab_launches_daily
    GROUP BY course_id
    UNION ALL
    SELECT 'lab_launches_weekly by lab type', course_id, sum(launches)
    FROM marts.lab_launches_weekly
    WHERE course_id IS NOT NULL AND lab_type IS NOT NULL
    GROUP BY course_id
    UNION ALL
    SELECT 'lab_launches_weekly', course_id, sum(launches)
    FROM marts.lab_launches_weekly
    WHERE course_id IS NOT NULL AND lab_type IS NULL
    GROUP BY course_id
    UNION ALL
    SELECT 'student_course_summary', course_id, sum(sessions)
    FROM marts.student_course_summary
    GROUP BY course_id
    UNION ALL
    SELECT 'course_summary', course_id, sessions
    FROM marts.course_summary
),
expected AS (
    SELECT mart, course_id, sessions
    FROM sessions
    CROSS JOIN (VALUES
        ('lab_launches_daily'), ('lab_launches_weekly by lab type'), ('lab_launches_weekly'), ('student_course_summary'), ('course_summary')
    ) AS marts (mart)
)
SELECT
    coalesce(expected.mart, others.mart) AS mart,
    coalesce(expected.course_id, others.course_id) AS course_id,
    expected.sessions AS expected,
    others.sessions AS found
FROM expected
FULL JOIN others ON others.mart = expected.mart AND others.course_id = expected.course_id
WHERE coalesce(expected.sessions, 0) <> coalesce(others.sessions, 0)
