-- Scores as delivered, one row per user, assignment, submission, part and rubric; each distinct row once.
-- Assignment and part scores repeat on every rubric row: use marts.assignment_scores for any sum of scores.
SELECT DISTINCT
    userid AS user_id, -- Vocareum id of the user.
    courseid AS course_id, -- Vocareum id of the course.
    asnid AS assignment_id, -- Vocareum id of the assignment.
    asnname AS assignment_name, -- Name of the assignment.
    submission, -- Number of the submission; NULL if not delivered.
    submission_time AS submitted_at, -- When it was submitted (UTC); NULL if not delivered.
    partnerid AS partner_id, -- User id of the partner in a team assignment.
    graderid AS grader_id, -- User id of the grader.
    ispeerreviewon AS is_peer_reviewed, -- Whether the assignment uses peer review grading.
    isoverride AS is_override, -- Whether a teacher overrode the score, which then may differ from the sum of its parts.
    maxscore AS max_score, -- Highest score a user can receive for the assignment, in points.
    asnscore AS score, -- Points for the assignment; repeated on every rubric row.
    partid AS part_id, -- Vocareum id of the part.
    partname AS part_name, -- Name of the part.
    partscore AS part_score, -- Points for the part; repeated on every rubric row.
    rubricid AS rubric_id, -- Vocareum id of the rubric (grading criterion).
    rubricname AS rubric_name, -- Name of the rubric.
    rubricscore AS rubric_score -- Points for the rubric.
FROM raw.grades
