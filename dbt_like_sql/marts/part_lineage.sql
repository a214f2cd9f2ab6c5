-- The root of each part's chain of copies. A parent outside the organisation is a root, of which only the id is known.
-- Each round doubles the distance, so 17 rounds cover a chain of 131,072 copies. Parts that are copied in a cycle have no root; they
-- stop after the same rounds.
WITH RECURSIVE
inside AS (
    SELECT
        part.part_id, part.part_name, part.assignment_id, part.course_id, part.parent_part_id,
        coalesce(parent.part_id, part.part_id) AS ancestor_id,
        (parent.part_id IS NOT NULL)::BIGINT AS steps
    FROM staging.parts AS part
    LEFT JOIN staging.parts AS parent ON parent.part_id = part.parent_part_id
),
seen AS (
    SELECT 0 AS round, part_id, ancestor_id, steps FROM inside
    UNION ALL
    SELECT near.round + 1, near.part_id, far.ancestor_id, near.steps + far.steps
    FROM seen AS near
    JOIN seen AS far ON far.part_id = near.ancestor_id
    WHERE near.round < 17
),
tops AS (SELECT part_id, parent_part_id FROM inside WHERE steps = 0)
SELECT
    inside.part_id, -- Vocareum id of the part.
    inside.part_name, -- Name of the part.
    inside.assignment_id, -- Assignment of the part; NULL if it is mapped to several. -> staging.assignments
    inside.course_id, -- Course of the part; NULL if it is mapped to several. -> marts.course_summary
    inside.parent_part_id, -- Part it was copied from; may be outside the organisation, or deleted. -> marts.part_lineage.part_id, unless it is outside the organisation or deleted.
    coalesce(tops.parent_part_id, tops.part_id) AS root_part_id, -- Part at the end of the chain of copies, or itself if it is no copy; may be outside the organisation. NULL in a cycle. -> marts.part_lineage.part_id, unless it is outside the organisation.
    tops.part_id AS root_in_organisation_id, -- Last part of the chain inside the organisation. NULL in a cycle. -> marts.part_lineage.part_id
    CASE
        WHEN tops.part_id IS NOT NULL THEN seen.steps + (tops.parent_part_id IS NOT NULL)::BIGINT
    END AS depth, -- Number of copies between the part and root_part_id, 0 for a root. NULL in a cycle.
    tops.part_id IS NULL AS is_circular -- Whether its chain of parents ends in a cycle.
FROM inside
JOIN seen ON seen.part_id = inside.part_id AND seen.round = 17
LEFT JOIN tops ON tops.part_id = seen.ancestor_id
