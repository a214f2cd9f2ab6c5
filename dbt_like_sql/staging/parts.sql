-- Every part that asn_mapping knows, once: the way from a part id to its assignment and course.
-- A part that is mapped more than once goes to the lowest course and assignment id, so that a join never multiplies money.
SELECT
    part_id, -- Vocareum id of the part.
    part_name, -- Name of the part.
    assignment_id, -- Assignment that the part belongs to.
    assignment_name, -- Name of the assignment.
    course_id, -- Course that the assignment belongs to.
    parent_part_id, -- Part it was copied from; may lie outside the organisation.
    parent_assignment_id -- Assignment it was copied from; may lie outside the organisation.
FROM raw.asn_mapping
QUALIFY row_number() OVER (
    PARTITION BY part_id
    ORDER BY course_id, assignment_id, parent_part_id, parent_assignment_id, part_name, assignment_name
) = 1
