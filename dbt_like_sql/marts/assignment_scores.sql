-- One row per user, course, assignment and submission, with the score once, however many rubrics it has. Clones of a course may keep
-- assignment ids, so one assignment id in two courses means two assignments.
-- A team's score is in each partner's row. Staff who submitted have rows too: join marts.student_course_summary to exclude them.
-- If the rows of a submission disagree, one delivered row is taken as a whole: graded first, then the latest, then the greatest score.
WITH
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY user_id, course_id, assignment_id, submission
            ORDER BY
                score IS NULL, submitted_at DESC NULLS LAST, score DESC, is_override DESC NULLS LAST, max_score DESC NULLS LAST,
                assignment_name
        ) AS place
    FROM staging.grades
),
counted AS (
    SELECT
        user_id, course_id, assignment_id, submission,
        min(partner_id) AS partner_id, count(DISTINCT partner_id) AS partners, count(DISTINCT rubric_id) AS rubrics
    FROM staging.grades
    GROUP BY user_id, course_id, assignment_id, submission
)
SELECT
    scored.user_id, -- Vocareum id of the user. -> marts.student_course_summary
    scored.course_id, -- Vocareum id of the course. -> marts.course_summary
    scored.assignment_id, -- Vocareum id of the assignment. -> staging.assignments
    scored.submission, -- Number of the submission; NULL if not delivered.
    scored.assignment_name, -- Name of the assignment.
    scored.submitted_at, -- When it was submitted (UTC); NULL if not delivered.
    scored.score, -- Points received; NULL until graded. Sum only WHERE counts: other submissions are earlier attempts.
    scored.max_score, -- Highest score a user can receive, in points.
    CASE WHEN max_score > 0 THEN round(score * 100 / max_score, 2) END::DECIMAL(18, 2) AS percent, -- Score in percent of max_score, to two decimals; above 100 with extra points. Do not sum or average: divide sums of score and max_score over rows with a max_score.
    coalesce(scored.is_override, false) AS is_override, -- Whether a teacher overrode the score, which then may differ from the sum of its parts.
    CASE WHEN counted.partners = 1 THEN counted.partner_id END AS partner_id, -- User id of the partner in a team assignment; NULL without a partner, or if the rows name several. -> marts.student_course_summary.user_id, unless nothing else lists the partner.
    counted.partners, -- Number of partners that its rows name; staging.grades lists them.
    counted.rubrics, -- Number of rubrics in its rows.
    scored.score IS NOT NULL AND 1 = row_number() OVER (
        PARTITION BY scored.user_id, scored.course_id, scored.assignment_id
        ORDER BY scored.score IS NULL, scored.submission DESC NULLS LAST
    ) AS counts -- Whether this submission counts: the user's last graded one for the assignment in the course.
FROM ranked AS scored
JOIN counted
    ON counted.user_id = scored.user_id AND counted.course_id = scored.course_id
    AND counted.assignment_id = scored.assignment_id AND counted.submission IS NOT DISTINCT FROM scored.submission
WHERE scored.place = 1
