-- The mapping of each part: the rows of asn_mapping, and earlier ones. A course that is deleted leaves asn_mapping, but what was spent in
-- it stays its own. So a part that asn_mapping no longer lists keeps its last rows. One that is still listed keeps those of a course that
-- left asn_mapping as a whole while another course listed the part, too. If the other course lists it only since then, the part moved.
WITH
past AS (
    SELECT
        part_id, course_id, assignment_id, assignment_name, valid_to,
        valid_to = max(valid_to) OVER (PARTITION BY part_id) AS is_last_of_part,
        valid_to = max(valid_to) OVER (PARTITION BY course_id) AS is_last_of_course
    FROM history.asn_mapping
    WHERE valid_to IS NOT NULL
)
SELECT
    part_id, -- Vocareum id of the part.
    course_id, -- Course that lists the part.
    assignment_id, -- Assignment of the part in that course.
    assignment_name -- Name of the assignment.
FROM raw.asn_mapping
UNION ALL
SELECT past.part_id, past.course_id, past.assignment_id, past.assignment_name
FROM past
WHERE (
    past.is_last_of_part
    AND NOT EXISTS (SELECT 1 FROM raw.asn_mapping AS present WHERE present.part_id = past.part_id)
) OR (
    past.is_last_of_course
    AND NOT EXISTS (SELECT 1 FROM raw.asn_mapping AS present WHERE present.course_id = past.course_id)
    AND EXISTS (
        SELECT 1
        FROM history.asn_mapping AS other
        WHERE other.part_id = past.part_id AND other.course_id <> past.course_id
        AND other.valid_from < past.valid_to AND coalesce(other.valid_to >= past.valid_to, true)
    )
)
