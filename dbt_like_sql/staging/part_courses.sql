-- Which courses and assignments each part is mapped to; a part may be in several, as a clone may keep the parts of its original.
SELECT DISTINCT
    part_id, -- Vocareum id of the part.
    course_id, -- Course that lists the part.
    assignment_id -- Assignment of the part in that course.
FROM raw.asn_mapping
