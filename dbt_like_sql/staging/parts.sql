-- Every part in asn_mapping, once. If it is listed more than once, the lowest parent and the first name are taken.
-- For the course of a user's spend on a part use staging.spend_courses, which uses more evidence than the mapping.
WITH
courses AS (
    SELECT
        part_id,
        CASE WHEN min(course_id) = max(course_id) THEN min(course_id) END AS course_id,
        CASE WHEN min(assignment_id) = max(assignment_id) THEN min(assignment_id) END AS assignment_id
    FROM staging.part_courses
    GROUP BY part_id
)
SELECT
    mapping.part_id, -- Vocareum id of the part.
    mapping.part_name, -- Name of the part.
    courses.assignment_id, -- Assignment of the part; NULL if it is mapped to several.
    mapping.assignment_name, -- Name of the assignment.
    courses.course_id, -- Course of the part; NULL if it is mapped to several.
    mapping.parent_part_id, -- Part it was copied from; may be outside the organisation.
    mapping.parent_assignment_id -- Assignment it was copied from; may be outside the organisation.
FROM raw.asn_mapping AS mapping
JOIN courses ON courses.part_id = mapping.part_id
QUALIFY row_number() OVER (
    PARTITION BY mapping.part_id
    ORDER BY mapping.parent_part_id, mapping.parent_assignment_id, mapping.part_name, mapping.assignment_name
) = 1
