-- marts.assignment_scores has one row per user, assignment and submission.
-- If it fails, look at its GROUP BY.
SELECT user_id, assignment_id, submission, count(*) AS times
FROM marts.assignment_scores
GROUP BY user_id, assignment_id, submission
HAVING count(*) > 1
