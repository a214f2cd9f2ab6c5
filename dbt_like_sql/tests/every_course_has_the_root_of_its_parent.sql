-- Every course of raw.course_mapping has a lineage. Its root is its parent's, one step nearer; without a parent in the organisation it is
-- the parent, or the course itself. Only a cycle has no root. If it fails, marts.course_lineage is wrong, or a chain is longer than the
-- 131,072 steps of 17 rounds.
SELECT course_id, 'no lineage' AS problem
FROM raw.course_mapping
WHERE course_id NOT IN (SELECT course_id FROM marts.course_lineage)
UNION ALL
SELECT child.course_id, 'not the root of its parent'
FROM marts.course_lineage AS child
LEFT JOIN marts.course_lineage AS parent ON parent.course_id = child.parent_course_id
WHERE child.root_course_id IS DISTINCT FROM
    CASE WHEN parent.course_id IS NULL THEN coalesce(child.parent_course_id, child.course_id) ELSE parent.root_course_id END
OR child.depth IS DISTINCT FROM
    CASE WHEN parent.course_id IS NULL THEN (child.parent_course_id IS NOT NULL)::BIGINT ELSE parent.depth + 1 END
OR child.is_circular IS DISTINCT FROM (child.root_course_id IS NULL)
