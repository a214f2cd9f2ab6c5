-- The counting scores of each course add up to those of marts.student_course_summary, to the last decimal.
-- If it fails, a join of marts.student_course_summary loses or multiplies scores.
WITH
scores AS (
    SELECT course_id, sum(score) AS score, count(*) AS assignments FROM marts.assignment_scores WHERE counts GROUP BY course_id
),
summary AS (
    SELECT course_id, sum(score) AS score, sum(assignments_graded) AS assignments
    FROM marts.student_course_summary
    GROUP BY course_id
)
SELECT coalesce(scores.course_id, summary.course_id) AS course_id, scores.score AS expected, summary.score AS found
FROM scores
FULL JOIN summary ON summary.course_id = scores.course_id
WHERE coalesce(scores.score, 0) <> coalesce(summary.score, 0)
OR coalesce(scores.assignments, 0) <> coalesce(summary.assignments, 0)
