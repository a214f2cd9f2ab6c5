-- Every assignment of a course that asn_mapping or its grades list. Clones of a course may keep assignment ids.
SELECT
    course_id, -- Vocareum id of the course.
    assignment_id, -- Vocareum id of the assignment.
    max(max_score) AS max_score -- Highest score a user can receive, in points: the greatest in its grades. NULL if no row has one.
FROM (
    SELECT courseid AS course_id, asnid AS assignment_id, maxscore AS max_score FROM raw.grades
    UNION ALL
    SELECT course_id, assignment_id, NULL FROM raw.asn_mapping
)
GROUP BY course_id, assignment_id
