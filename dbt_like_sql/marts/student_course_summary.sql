-- Each user in each course: ever listed in its enrollment, or seen in its sessions, spend or scores. Staff have rows too, but are no
-- students (is_student), and so do people whom no enrollment ever listed (no role). Who is no longer enrolled keeps the last role known,
-- so that a shorter roster changes no sum of the past: filter by is_enrolled for the people of today.
-- A user may be in several courses: count people over courses by count(DISTINCT user_id).
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
assignments AS (
    SELECT course_id, count(*) AS assignments_in_course, sum(max_score) AS max_score
    FROM staging.assignments
    GROUP BY course_id
),
keys AS (
    SELECT user_id, course_id FROM staging.course_members
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
    people.role, -- Last role in the course that is known; NULL if no enrollment ever said one.
    coalesce(people.is_student, false) AS is_student, -- Whether that role is student.
    coalesce(people.is_enrolled, false) AS is_enrolled, -- Whether the newest enrollment of the course lists the user, and not as dropped.
    people.dropped, -- Whether the user had dropped the course when last listed; NULL if not known.
    coalesce(sessions.sessions, 0) AS sessions, -- Lab sessions, failed launches included.
    coalesce(sessions.failed_launches, 0) AS failed_launches, -- Launches whose machine never started.
    coalesce(sessions.sessions > sessions.failed_launches, false) AS is_active, -- Whether a session of the user in the course succeeded.
    coalesce(sessions.sessions = sessions.failed_launches, false) AS is_failed_only, -- Whether the user launched labs of the course and none of them started.
    coalesce(people.is_student, false) AND sessions.sessions IS NULL AS never_launched, -- Whether a student has no session in the course, not even a failed launch; dropped ones included.
    coalesce(sessions.minutes, 0)::DECIMAL(38, 6) AS minutes, -- Minutes in labs.
    coalesce(spend.spend, 0)::DECIMAL(38, 9) AS spend, -- US dollars on AWS and Azure, exact.
    coalesce(scores.assignments_graded, 0) AS assignments_graded, -- Assignments with a graded submission.
    coalesce(assignments.assignments_in_course, 0) AS assignments_in_course, -- Assignments of the course, whether or not the user submitted them. The same in each row of a course: not to be summed.
    scores.score::DECIMAL(38, 6) AS score, -- Points, one submission per assignment: the last graded. NULL if none is.
    scores.max_score::DECIMAL(38, 6) AS max_score, -- Highest points for those assignments.
    CASE WHEN scores.max_score > 0 THEN round(scores.score_of_max * 100 / scores.max_score, 2) END::DECIMAL(38, 2) AS percent, -- score in percent of max_score, to two decimals: of graded assignments alone, without those whose max_score is not delivered. Not to be summed or averaged.
    CASE
        WHEN assignments.max_score > 0 AND (people.is_student OR scores.score IS NOT NULL)
        THEN round(coalesce(scores.score_of_max, 0) * 100 / assignments.max_score, 2)
    END::DECIMAL(38, 2) AS percent_of_all, -- score in percent of the highest points of all assignments of the course whose max_score is delivered, to two decimals: what is not submitted or not graded counts as zero. NULL for staff without a score. Not to be summed or averaged.
    sessions.last_seen -- Latest end of a session, or launch (else start) where it has no end (UTC); NULL if there is none.
FROM keys
LEFT JOIN staging.course_members AS people ON people.user_id = keys.user_id AND people.course_id = keys.course_id
LEFT JOIN sessions ON sessions.user_id = keys.user_id AND sessions.course_id = keys.course_id
LEFT JOIN spend ON spend.user_id = keys.user_id AND spend.course_id = keys.course_id
LEFT JOIN scores ON scores.user_id = keys.user_id AND scores.course_id = keys.course_id
LEFT JOIN assignments ON assignments.course_id = keys.course_id
