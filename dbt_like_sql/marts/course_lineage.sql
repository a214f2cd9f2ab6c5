-- From which course each course was cloned in the end. A parent outside the organisation is a root: its id is all that is known.
-- Each round doubles how far up a course sees, so a chain of a hundred thousand takes 17 rounds, and courses that are cloned
-- in a circle, which never come to an end, stop after as many.
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
    inside.course_id, -- Vocareum id of the course.
    inside.course_name, -- Name of the course.
    inside.create_method, -- How the course was made, such as `Clone by Reference`.
    inside.parent_course_id, -- Course it was cloned from; may lie outside the organisation or be gone. NULL where course_mapping names several.
    inside.has_several_parents, -- Whether course_mapping names several parents: then the course is taken for a root, and its real root is not known.
    coalesce(tops.parent_course_id, tops.course_id) AS root_course_id, -- Course at the end of the chain of clones, itself if it is no clone; may lie outside the organisation. NULL in a circle.
    tops.course_id AS root_in_organisation_id, -- Last course of the chain that is in the organisation. NULL in a circle.
    CASE
        WHEN tops.course_id IS NOT NULL THEN seen.steps + (tops.parent_course_id IS NOT NULL)::BIGINT
    END AS depth, -- Clones between the course and root_course_id, 0 for a root. NULL in a circle.
    tops.course_id IS NULL AS is_circular -- Whether its chain of parents ends in a circle.
FROM inside
JOIN seen ON seen.course_id = inside.course_id AND seen.round = 17
LEFT JOIN tops ON tops.course_id = seen.ancestor_id
