-- The root of each course's chain of clones. A parent outside the organisation is a root, of which only the id is known.
-- Each round doubles the distance, so 17 rounds cover a chain of 131,072 clones. Courses that are cloned in a cycle have no root; they
-- stop after the same rounds.
WITH RECURSIVE
inside AS (
    SELECT
        course.course_id, course.course_name, course.create_method, course.parent_course_id, course.has_several_parents,
        coalesce(parent.course_id, course.course_id) AS ancestor_id,
        (parent.course_id IS NOT NULL)::BIGINT AS steps
    FROM staging.courses AS course
    LEFT JOIN staging.courses AS parent ON parent.course_id = course.parent_course_id
),
seen AS (
    SELECT 0 AS round, course_id, ancestor_id, steps FROM inside
    UNION ALL
    SELECT near.round + 1, near.course_id, far.ancestor_id, near.steps + far.steps
    FROM seen AS near
    JOIN seen AS far ON far.course_id = near.ancestor_id
    WHERE near.round < 17
),
tops AS (SELECT course_id, parent_course_id FROM inside WHERE steps = 0)
SELECT
    inside.course_id, -- Vocareum id of the course. -> marts.course_summary
    inside.course_name, -- Name of the course.
    inside.create_method, -- How the course was created, such as `Clone by Reference`.
    inside.parent_course_id, -- Course it was cloned from; may be outside the organisation, or have been deleted before the first load. NULL if course_mapping names several. -> marts.course_lineage.course_id, unless it is outside the organisation or was deleted.
    inside.has_several_parents, -- Whether course_mapping names several parents. The course is then treated as a root; its real root is unknown.
    coalesce(tops.parent_course_id, tops.course_id) AS root_course_id, -- Course at the end of the chain of clones, or itself if it is no clone; may be outside the organisation. NULL in a cycle. -> marts.course_lineage.course_id, unless it is outside the organisation.
    tops.course_id AS root_in_organisation_id, -- Last course of the chain inside the organisation. NULL in a cycle. -> marts.course_lineage.course_id
    CASE
        WHEN tops.course_id IS NOT NULL THEN seen.steps + (tops.parent_course_id IS NOT NULL)::BIGINT
    END AS depth, -- Number of clones between the course and root_course_id, 0 for a root. NULL in a cycle.
    tops.course_id IS NULL AS is_circular -- Whether its chain of parents ends in a cycle.
FROM inside
JOIN seen ON seen.course_id = inside.course_id AND seen.round = 17
LEFT JOIN tops ON tops.course_id = seen.ancestor_id
