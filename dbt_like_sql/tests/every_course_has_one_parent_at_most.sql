-- No course has several parents. Each returned course has: it is treated as a root, so its spend and that of its clones count for no
-- other root course.
-- severity: warn
-- If it fails, ask Vocareum which course it was cloned from; raw.course_mapping has the parents.
SELECT course_id, count(DISTINCT parent_course_id) AS parents, count(*) FILTER (parent_course_id IS NULL) AS rows_without_parent
FROM raw.course_mapping
WHERE course_id IN (SELECT course_id FROM marts.course_lineage WHERE has_several_parents)
GROUP BY course_id
