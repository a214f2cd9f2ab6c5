-- One row per user, course, assignment and submission: the score once, whatever the number of its rubrics. Clones of a course may
-- keep assignment ids, so the same assignment id in two courses is two assignments.
-- A team's score is in the row of each partner. Staff who submitted have rows too: join marts.student_course_summary.
-- Where the rows of a submission disagree, one delivered row counts as a whole: a graded one, the latest submitted, the greatest score.
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
    scored.user_id, -- Vocareum id of the user.
    scored.course_id, -- Vocareum id of the course.
    scored.assignment_id, -- Vocareum id of the assignment.
    scored.submission, -- Number of the submission; NULL where the file does not say.
    scored.assignment_name, -- Name of the assignment.
    scored.submitted_at, -- When it was submitted (UTC); NULL where the file does not say.
    scored.score, -- Points received; NULL until it is graded. Sum it only WHERE counts: other submissions are earlier attempts.
    scored.max_score, -- Highest score a user can receive, in points.
    CASE WHEN max_score > 0 THEN round(score * 100 / max_score, 2) END::DECIMAL(18, 2) AS percent, -- Score in percent of max_score, to two decimals; above 100 with extra points. Not to be summed or averaged: divide sums of score and max_score.
    coalesce(scored.is_override, false) AS is_override, -- Whether a teacher overrode the score, which then need not equal its parts.
    CASE WHEN counted.partners = 1 THEN counted.partner_id END AS partner_id, -- User id of the partner in a team assignment; NULL without a partner, and where the rows name several.
    counted.partners, -- Partners that its rows name; staging.grades lists them.
    counted.rubrics, -- Rubrics that its rows list.
    scored.score IS NOT NULL AND 1 = row_number() OVER (
        PARTITION BY scored.user_id, scored.course_id, scored.assignment_id
        ORDER BY scored.score IS NULL, scored.submission DESC NULLS LAST
    ) AS counts -- Whether it is the one that counts: the last graded submission of the user to the assignment of the course.
FROM ranked AS scored
JOIN counted
    ON counted.user_id = scored.user_id AND counted.course_id = scored.course_id
    AND counted.assignment_id = scored.assignment_id AND counted.submission IS NOT DISTINCT FROM scored.submission
WHERE scored.place = 1
