-- The courses and assignments that each part is mapped to, or was at last. A part may be in several, as a clone may keep its original's
-- parts.
SELECT DISTINCT
    part_id, -- Vocareum id of the part.
    course_id, -- Course that lists the part.
    assignment_id -- Assignment of the part in that course.
FROM staging.part_mappings
