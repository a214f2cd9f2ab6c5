-- Users of labs per course and week, with their first and last day, also counting only successful sessions. Later queries only count
-- these people.
CREATE OR REPLACE TEMP TABLE active_weeks AS
WITH weeks AS (
    SELECT
        course, course_id, user_id, date_trunc('week', session_date)::DATE AS week,
        min(session_date) AS first_day, max(session_date) AS last_day,
        min(session_date) FILTER (succeeded) AS first_started, max(session_date) FILTER (succeeded) AS last_started
    FROM sessions
    GROUP BY ALL
)
SELECT
    weeks.*, coalesce(people.is_student, false) AS is_student,
    coalesce(people.is_student AND people.is_enrolled, false) AS is_enrolled_student
FROM weeks
LEFT JOIN marts.student_course_summary AS people ON people.user_id = weeks.user_id AND people.course_id = weeks.course_id;
