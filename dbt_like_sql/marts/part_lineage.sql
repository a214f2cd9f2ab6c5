-- From which part each part was copied in the end. A parent outside the organisation is a root: its id is all that is known.
-- Each round doubles how far up a part sees, so a chain of a hundred thousand takes 17 rounds, and parts that are copied
-- in a circle, which never come to an end, stop after as many.
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
    inside.assignment_id, -- Assignment that the part belongs to; NULL where it is mapped to several.
    inside.course_id, -- Course that the part belongs to; NULL where it is mapped to several.
    inside.parent_part_id, -- Part it was copied from; may lie outside the organisation or be gone.
    coalesce(tops.parent_part_id, tops.part_id) AS root_part_id, -- Part at the end of the chain of copies, itself if it is no copy; may lie outside the organisation. NULL in a circle.
    tops.part_id AS root_in_organisation_id, -- Last part of the chain that is in the organisation. NULL in a circle.
    CASE
        WHEN tops.part_id IS NOT NULL THEN seen.steps + (tops.parent_part_id IS NOT NULL)::BIGINT
    END AS depth, -- Copies between the part and root_part_id, 0 for a root. NULL in a circle.
    tops.part_id IS NULL AS is_circular -- Whether its chain of parents ends in a circle.
FROM inside
JOIN seen ON seen.part_id = inside.part_id AND seen.round = 17
LEFT JOIN tops ON tops.part_id = seen.ancestor_id
