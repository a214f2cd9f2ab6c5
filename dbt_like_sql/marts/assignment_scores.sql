-- One row per user, assignment and submission: the score once, whatever the number of its rubrics.
-- A team's score stands in the row of each partner. Staff who submitted have rows too: join marts.student_course_summary.
WITH
scored AS (
    SELECT
        user_id, assignment_id, submission,
        min(course_id) AS course_id, min(assignment_name) AS assignment_name, max(submitted_at) AS submitted_at,
        max(score) AS score, max(max_score) AS max_score, bool_or(is_override) AS is_override,
        min(partner_id) AS partner_id, count(DISTINCT rubric_id) AS rubrics
    FROM staging.grades
    GROUP BY user_id, assignment_id, submission
)
SELECT
    user_id, -- Vocareum id of the user.
    assignment_id, -- Vocareum id of the assignment.
    submission, -- Number of the submission; NULL where the file does not say.
    course_id, -- Vocareum id of the course.
    assignment_name, -- Name of the assignment.
    submitted_at, -- When it was submitted (UTC); NULL where the file does not say.
    score, -- Points received; NULL until it is graded. The greatest, should its rubric rows disagree.
    max_score, -- Highest score a user can receive, in points.
    CASE WHEN max_score > 0 THEN round(score * 100 / max_score, 2) END::DECIMAL(18, 2) AS percent, -- Score in percent of max_score, to two decimals; above 100 with extra points.
    coalesce(is_override, false) AS is_override, -- Whether a teacher overrode the score, which then need not equal its parts.
    partner_id, -- User id of the partner in a team assignment.
    rubrics, -- Rubrics that its rows list.
    score IS NOT NULL AND 1 = row_number() OVER (
        PARTITION BY user_id, assignment_id
        ORDER BY score IS NULL, submission DESC NULLS LAST
    ) AS counts -- Whether it is the one that counts: the last graded submission of the user.
FROM scored
