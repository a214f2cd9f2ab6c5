-- The mapping of each part: the rows of asn_mapping, and the last ones of a part that it no longer lists. A course that is deleted leaves
-- asn_mapping, but what was spent in it stays its own.
SELECT
    part_id, -- Vocareum id of the part.
    course_id, -- Course that lists the part.
    assignment_id, -- Assignment of the part in that course.
    assignment_name -- Name of the assignment.
FROM raw.asn_mapping
UNION ALL
SELECT past.part_id, past.course_id, past.assignment_id, past.assignment_name
FROM history.asn_mapping AS past
ANTI JOIN raw.asn_mapping AS present ON present.part_id = past.part_id
QUALIFY past.valid_to = max(past.valid_to) OVER (PARTITION BY past.part_id)
