-- Every part of raw.asn_mapping has a lineage. Its root is its parent's, one step nearer; without a parent in the organisation it is the
-- parent, or the part itself. Only a cycle has no root. If it fails, marts.part_lineage is wrong, or a chain is longer than the 131,072
-- steps of 17 rounds.
SELECT part_id, 'no lineage' AS problem
FROM raw.asn_mapping
WHERE part_id NOT IN (SELECT part_id FROM marts.part_lineage)
UNION ALL
SELECT child.part_id, 'not the root of its parent'
FROM marts.part_lineage AS child
LEFT JOIN marts.part_lineage AS parent ON parent.part_id = child.parent_part_id
WHERE child.root_part_id IS DISTINCT FROM
    CASE WHEN parent.part_id IS NULL THEN coalesce(child.parent_part_id, child.part_id) ELSE parent.root_part_id END
OR child.depth IS DISTINCT FROM
    CASE WHEN parent.part_id IS NULL THEN (child.parent_part_id IS NOT NULL)::BIGINT ELSE parent.depth + 1 END
OR child.is_circular IS DISTINCT FROM (child.root_part_id IS NULL)
