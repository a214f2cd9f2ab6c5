SELECT DISTINCT courses.root, coalesce(isolated(lineage.course_name), 'Course ' || courses.root) AS label
FROM courses
LEFT JOIN marts.course_lineage AS lineage ON lineage.course_id::VARCHAR = courses.root
WHERE courses.root IS NOT NULL
ORDER BY label, courses.root
