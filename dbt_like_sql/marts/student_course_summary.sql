-- Each user in each course: enrolled, or seen in its sessions, spend or scores. Staff are listed, but are no students
-- (is_student), and so are people who are no longer in the enrollment (no role).
WITH
sessions AS (
    SELECT
        user_id, course_id, count(*) AS sessions, count(*) FILTER (NOT succeeded) AS failed_launches,
        sum(minutes) AS minutes, max(coalesce(end_time, launch_time, start_time)) AS last_seen
    FROM marts.lab_sessions
    GROUP BY user_id, course_id
),
spend AS (
    SELECT user_id, course_id, sum(cost) AS spend
    FROM marts.daily_cloud_spend
    WHERE course_id IS NOT NULL
    GROUP BY user_id, course_id
),
scores AS (
    SELECT user_id, course_id, count(*) AS assignments_graded, sum(score) AS score, sum(max_score) AS max_score,
        sum(score) FILTER (max_score IS NOT NULL) AS score_of_max
    FROM marts.assignment_scores
    WHERE counts
    GROUP BY user_id, course_id
),
keys AS (
    SELECT user_id, course_id FROM staging.enrollment
    UNION
    SELECT user_id, course_id FROM sessions
    UNION
    SELECT user_id, course_id FROM spend
    UNION
    SELECT user_id, course_id FROM scores
)
SELECT
    keys.user_id, -- Vocareum id of the user.
    keys.course_id, -- Vocareum id of the course.
    people.role, -- Role in the course now; NULL if not in the enrollment.
    coalesce(people.is_student, false) AS is_student, -- Whether the role is student.
    people.dropped, -- Whether the user dropped the course; NULL if not known.
    coalesce(sessions.sessions, 0) AS sessions, -- Lab sessions, failed launches included.
    coalesce(sessions.failed_launches, 0) AS failed_launches, -- Launches whose machine never started.
    coalesce(sessions.minutes, 0)::DECIMAL(18, 6) AS minutes, -- Minutes in labs.
    coalesce(spend.spend, 0)::DECIMAL(18, 9) AS spend, -- US dollars on AWS and Azure, exact.
    coalesce(scores.assignments_graded, 0) AS assignments_graded, -- Assignments with a graded submission.
    scores.score::DECIMAL(18, 6) AS score, -- Points, one submission per assignment: the last graded. NULL if none is.
    scores.max_score::DECIMAL(18, 6) AS max_score, -- Highest points for those assignments.
    CASE WHEN scores.max_score > 0 THEN round(scores.score_of_max * 100 / scores.max_score, 2) END::DECIMAL(18, 2) AS percent, -- score in percent of max_score, to two decimals, without assignments whose max_score is not delivered.
    sessions.last_seen, -- Latest end of a session, or launch (else start) where it has no end (UTC); NULL if there is none.
    coalesce(people.is_student, false) AND sessions.sessions IS NULL AS never_launched -- Whether a student has no session in the course, dropped ones included.
FROM keys
LEFT JOIN staging.enrollment AS people ON people.user_id = keys.user_id AND people.course_id = keys.course_id
LEFT JOIN sessions ON sessions.user_id = keys.user_id AND sessions.course_id = keys.course_id
LEFT JOIN spend ON spend.user_id = keys.user_id AND spend.course_id = keys.course_id
LEFT JOIN scores ON scores.user_id = keys.user_id AND scores.course_id = keys.course_id
