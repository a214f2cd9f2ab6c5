-- Who joined, left or changed their role, and when, from the stored states of enrollment. One row per change of role or dropped; changes
-- of other columns, such as the name, are not listed. The time before the first delivery of a course is unknown.
WITH
states AS (
    SELECT userid AS user_id, courseid AS course_id, lower(role) AS role, dropped, valid_from, valid_to
    FROM history.enrollment
),
openings AS (SELECT course_id, min(valid_from) AS first_delivered FROM states GROUP BY course_id),
moments AS (
    SELECT user_id, course_id, valid_from AS moment FROM states
    UNION
    SELECT user_id, course_id, valid_to FROM states WHERE valid_to IS NOT NULL
),
-- The state from each moment on. Among several rows, take the one that staging.enrollment takes.
held AS (
    SELECT
        moments.user_id, moments.course_id, moments.moment, states.user_id IS NOT NULL AS enrolled, states.role, states.dropped
    FROM moments
    LEFT JOIN states
        ON states.user_id = moments.user_id AND states.course_id = moments.course_id
        AND states.valid_from <= moments.moment AND (states.valid_to > moments.moment OR states.valid_to IS NULL)
    QUALIFY row_number() OVER (
        PARTITION BY moments.user_id, moments.course_id, moments.moment
        ORDER BY states.role IS NULL, states.role IS NOT DISTINCT FROM 'student', states.dropped NULLS FIRST, states.role
    ) = 1
),
followed AS (
    SELECT
        *,
        lag(enrolled, 1, false) OVER per_user AS was_enrolled,
        lag(role) OVER per_user AS role_before,
        lag(dropped) OVER per_user AS dropped_before,
        coalesce(bool_or(enrolled) OVER earlier, false) AS was_ever_enrolled
    FROM held
    WINDOW
        per_user AS (PARTITION BY user_id, course_id ORDER BY moment),
        earlier AS (PARTITION BY user_id, course_id ORDER BY moment ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
    followed.user_id, -- Vocareum id of the user. -> marts.student_course_summary
    followed.course_id, -- Vocareum id of the course. -> marts.course_summary
    followed.moment AS changed_at, -- When Vocareum wrote the first file that shows it (UTC); the change happened in the day before.
    CASE
        WHEN NOT enrolled THEN 'left'
        WHEN was_enrolled THEN 'changed'
        WHEN was_ever_enrolled THEN 'returned'
        WHEN followed.moment = openings.first_delivered THEN 'first seen'
        ELSE 'joined'
    END AS change, -- joined, left (no longer listed), returned, changed (role or dropped), or first seen: listed in the course's first file that lists anybody, so joined at an unknown time.
    role_before, -- Previous role; NULL if not listed then.
    role, -- New role; NULL if no longer listed.
    dropped_before, -- Whether the user had dropped the course before; NULL if unknown.
    dropped -- Whether the user has dropped the course now; NULL if unknown.
FROM followed
JOIN openings ON openings.course_id = followed.course_id
WHERE (enrolled, role, dropped) IS DISTINCT FROM (was_enrolled, role_before, dropped_before)
