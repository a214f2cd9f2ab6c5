SELECT scopes.scope, count(DISTINCT people.user_id) AS students
FROM marts.student_course_summary AS people
LEFT JOIN courses ON courses.course_id = people.course_id
JOIN scopes ON scopes.course = coalesce(courses.course, 'unknown')
WHERE people.is_student AND people.is_enrolled
GROUP BY ALL
