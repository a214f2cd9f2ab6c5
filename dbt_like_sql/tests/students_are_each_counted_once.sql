-- Everybody whom an enrollment ever listed is in marts.student_course_summary. Each enrolled student of a course is active, failed-only or
-- never launched, and each student is enrolled, dropped or left. If it fails, people are lost or counted twice: look at
-- staging.course_members and at the counts of marts.course_summary.
SELECT course_id, 'people who are not in the summary' AS problem, count(*) AS people
FROM (
    SELECT userid AS user_id, courseid AS course_id FROM history.enrollment
    UNION
    SELECT userid, courseid FROM raw.enrollment
    EXCEPT
    SELECT user_id, course_id FROM marts.student_course_summary
)
GROUP BY course_id
UNION ALL
SELECT course_id, 'enrolled students', students
FROM marts.course_summary
WHERE students <> active_enrolled_students + failed_only_students + students_never_launched
UNION ALL
SELECT people.course_id, 'students', people.students
FROM (SELECT course_id, count(*) FILTER (is_student) AS students FROM marts.student_course_summary GROUP BY course_id) AS people
LEFT JOIN marts.course_summary AS courses ON courses.course_id = people.course_id
WHERE people.students IS DISTINCT FROM courses.students + courses.dropped_students + courses.left_students
