-- Everybody who was ever listed in a course's enrollment, as listed now, or else as last listed. Base sums over people on this view and
-- not on staging.enrollment, whose newest file may lack half of last term.
-- A student is enrolled (listed, and not dropped), dropped, or left (no longer listed, and not dropped before).
WITH
states AS (
    SELECT userid AS user_id, courseid AS course_id, lower(role) AS role, dropped, NULL::TIMESTAMP AS listed_until
    FROM raw.enrollment
    UNION ALL
    SELECT userid, courseid, lower(role), dropped, valid_to
    FROM history.enrollment
    WHERE valid_to IS NOT NULL
)
SELECT
    user_id, -- Vocareum id of the user.
    course_id, -- Vocareum id of the course.
    first_value(role IGNORE NULLS) OVER newest AS role, -- Last known role in the course, in lower case.
    coalesce(first_value(role IGNORE NULLS) OVER newest = 'student', false) AS is_student, -- Whether that role is student; staff do not belong in student averages.
    dropped, -- Whether the user had dropped the course when last listed; NULL if not delivered.
    listed_until, -- When Vocareum wrote the first file that no longer lists the user (UTC); NULL while the newest file does.
    listed_until IS NULL AND dropped IS NOT TRUE AS is_enrolled -- Whether the newest file lists the user, and not as dropped.
FROM states
WINDOW newest AS (
    PARTITION BY user_id, course_id
    -- Among simultaneous rows, take the one that staging.enrollment takes.
    ORDER BY listed_until DESC NULLS FIRST, role IS NULL, role IS NOT DISTINCT FROM 'student', dropped NULLS FIRST, role
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
)
QUALIFY row_number() OVER newest = 1
