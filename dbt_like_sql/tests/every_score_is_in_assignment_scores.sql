-- Every user, assignment and submission of raw.grades is in marts.assignment_scores with one of the delivered scores, and
-- nothing else is. If it fails, look at the GROUP BY of marts.assignment_scores.
(
    SELECT 'raw' AS side, userid AS user_id, asnid AS assignment_id, submission FROM raw.grades
    EXCEPT
    SELECT 'raw', user_id, assignment_id, submission FROM marts.assignment_scores
)
UNION ALL
(
    SELECT 'assignment_scores', user_id, assignment_id, submission
    FROM (
        SELECT user_id, assignment_id, submission, score FROM marts.assignment_scores
        EXCEPT
        SELECT userid, asnid, submission, asnscore FROM raw.grades
    )
)
