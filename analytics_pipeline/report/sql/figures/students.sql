SELECT coalesce(scope, 'all') AS course, count(DISTINCT user_id) AS students
FROM (
    SELECT coalesce(courses.course, 'unknown') AS scope, people.user_id
    FROM marts.student_course_summary AS people
    LEFT JOIN courses ON courses.course_id = people.course_id
    WHERE people.is_student AND people.is_enrolled
)
GROUP BY GROUPING SETS ((), (scope))
