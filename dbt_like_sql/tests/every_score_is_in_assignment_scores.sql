-- Every user, course, assignment and submission of raw.grades is in marts.assignment_scores, and each of its rows equals a delivered one:
-- name, time, score, maximum and override of the same record. If it fails, the mart drops rows, or merges two.
(
    SELECT 'raw' AS side, userid AS user_id, courseid AS course_id, asnid AS assignment_id, submission FROM raw.grades
    EXCEPT
    SELECT 'raw', user_id, course_id, assignment_id, submission FROM marts.assignment_scores
)
UNION ALL
(
    SELECT 'assignment_scores', user_id, course_id, assignment_id, submission
    FROM (
        SELECT user_id, course_id, assignment_id, submission, assignment_name, submitted_at, score, max_score, is_override
        FROM marts.assignment_scores
        EXCEPT
        SELECT userid, courseid, asnid, submission, asnname, submission_time, asnscore, maxscore, coalesce(isoverride, false)
        FROM raw.grades
    )
)
