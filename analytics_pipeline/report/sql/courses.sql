SELECT course, min(label) AS label, any_value(term) AS term, any_value(department) AS department, any_value(root) AS root, min(place) AS place
FROM courses
GROUP BY course
UNION ALL
SELECT 'unknown', 'No known course', NULL, NULL, NULL, NULL
WHERE EXISTS (
    SELECT 1
    FROM marts.spend_days AS spend
    LEFT JOIN courses ON courses.course_id = spend.course_id
    WHERE courses.course_id IS NULL AND spend.cost <> 0
)
OR EXISTS (
    SELECT 1
    FROM marts.lab_sessions AS session
    LEFT JOIN courses ON courses.course_id = session.course_id
    WHERE courses.course_id IS NULL
)
ORDER BY place NULLS LAST, label
