-- marts.assignment_scores has one row per user, course, assignment and submission.
-- If it fails, look at the PARTITION BY of its first row_number.
SELECT user_id, course_id, assignment_id, submission, count(*) AS times
FROM marts.assignment_scores
GROUP BY user_id, course_id, assignment_id, submission
HAVING count(*) > 1
