-- Who is in which course now, once per user and course, without names and emails.
-- If a file lists a user twice in a course, a staff role takes precedence over student, and a current row over a dropped one.
SELECT
    userid AS user_id, -- Vocareum id of the user.
    courseid AS course_id, -- Vocareum id of the course.
    lower(role) AS role, -- Role in the course, in lower case.
    coalesce(lower(role) = 'student', false) AS is_student, -- Whether the role is student; staff do not belong in student averages.
    dropped, -- Whether the user dropped the course; NULL if not delivered.
    client_key, -- Key of the client system (LMS) that the user came from.
    client_userid AS client_user_id, -- Id of the user in the client system.
    organization_terms_agreed AS terms_agreed, -- Whether the user agreed to the organisation's terms.
    organization_terms_agreed_date_utc AS terms_agreed_at -- When the user agreed to them (UTC).
FROM raw.enrollment
QUALIFY row_number() OVER (
    PARTITION BY userid, courseid
    ORDER BY
        role IS NULL, is_student, dropped NULLS FIRST, lower(role), client_key, client_userid, organization_terms_agreed,
        organization_terms_agreed_date_utc
) = 1
