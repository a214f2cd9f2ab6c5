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
