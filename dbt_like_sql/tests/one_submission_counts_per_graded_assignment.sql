-- Exactly one submission of a user to an assignment of a course counts if any is graded, otherwise none.
-- If it fails, sums of scores are wrong: look at `counts` in marts.assignment_scores.
SELECT user_id, course_id, assignment_id, count(*) FILTER (counts) AS counting, count(score) AS graded
FROM marts.assignment_scores
GROUP BY user_id, course_id, assignment_id
HAVING count(*) FILTER (counts) <> least(count(score), 1)
