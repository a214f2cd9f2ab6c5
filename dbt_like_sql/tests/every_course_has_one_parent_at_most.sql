-- No course is listed with several parents. A returned course is: it is treated as a root, so that its spend counts for no root course but
-- itself, and so does that of its own clones.
-- severity: warn
-- If it fails, ask Vocareum from which course it was cloned; the parents are in raw.course_mapping.
SELECT course_id, count(DISTINCT parent_course_id) AS parents, count(*) FILTER (parent_course_id IS NULL) AS rows_without_parent
FROM raw.course_mapping
SEMI JOIN (SELECT course_id FROM marts.course_lineage WHERE has_several_parents) AS concerned USING (course_id)
GROUP BY course_id
