-- Each user in each course who was ever listed in its enrollment, or seen in its sessions, spend or scores. Staff and people whom no
-- enrollment ever listed (no role) have rows too, but are not students (is_student). Someone no longer enrolled keeps the last known
-- role, so that a shorter roster does not change past sums: filter by is_enrolled for current people.
-- A user may be in several courses: count people across courses with count(DISTINCT user_id).
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
newest AS (SELECT max(period) AS day FROM marts.data_completeness WHERE dataset = 'lab_sessions' AND loaded),
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
    keys.course_id, -- Vocareum id of the course. -> marts.course_summary
    courses.course_name, -- Name of the course; NULL if course_mapping never listed it.
    people.role, -- Last known role in the course; NULL if no enrollment ever gave one.
    coalesce(people.is_student, false) AS is_student, -- Whether that role is student.
    coalesce(people.is_enrolled, false) AS is_enrolled, -- Whether the newest enrollment of the course lists the user, and not as dropped.
    people.dropped, -- Whether the user had dropped the course when last listed; NULL if unknown.
    coalesce(sessions.sessions, 0) AS sessions, -- Lab sessions, including failed launches.
    coalesce(sessions.failed_launches, 0) AS failed_launches, -- Launches whose machine never started.
    coalesce(sessions.sessions > sessions.failed_launches, false) AS is_active, -- Whether the user has a successful session in the course.
    coalesce(sessions.sessions = sessions.failed_launches, false) AS is_failed_only, -- Whether the user launched labs of the course and none of them started.
    coalesce(people.is_student, false) AND sessions.sessions IS NULL AS never_launched, -- Whether a student, dropped or not, has no session in the course, not even a failed launch.
    coalesce(sessions.minutes, 0)::DECIMAL(38, 6) AS minutes, -- Minutes in labs.
    coalesce(spend.spend, 0)::DECIMAL(38, 9) AS spend, -- US dollars on AWS and Azure, exact.
    round(coalesce(spend.spend, 0), 2)::DECIMAL(38, 2) AS spend_usd, -- spend rounded to cents, for display. Do not sum: sum spend.
    coalesce(scores.assignments_graded, 0) AS assignments_graded, -- Assignments with a graded submission.
    coalesce(assignments.assignments_in_course, 0) AS assignments_in_course, -- Assignments of the course, submitted or not. The same in each row of a course: do not sum.
    scores.score::DECIMAL(38, 6) AS score, -- Points of all graded assignments, one submission per assignment: the last graded. NULL if none is graded. Do not divide by max_score: see percent.
    scores.max_score::DECIMAL(38, 6) AS max_score, -- Highest possible points of those of the graded assignments with a delivered max_score; NULL if none has one.
    CASE WHEN scores.max_score > 0 THEN round(scores.score_of_max * 100 / scores.max_score, 2) END::DECIMAL(38, 2) AS percent, -- Points in percent of max_score, to two decimals, over graded assignments with a delivered max_score. Do not sum or average.
    CASE
        WHEN assignments.max_score > 0 AND (people.is_student OR scores.score IS NOT NULL)
        THEN round(coalesce(scores.score_of_max, 0) * 100 / assignments.max_score, 2)
    END::DECIMAL(38, 2) AS percent_of_all, -- Points in percent of the highest points of all assignments of the course with a delivered max_score, to two decimals; work that is not submitted or graded counts as zero. NULL for staff without a score. Do not sum or average.
    sessions.last_seen, -- Latest end of a session, or its launch (else start) if it has no end (UTC); NULL without a session.
    CASE
        WHEN sessions.last_seen::DATE > newest.day THEN 0
        ELSE newest.day - sessions.last_seen::DATE
    END::INTEGER AS days_since_seen -- Days from last_seen to the newest day with loaded sessions, which may be before today; NULL without a session.
FROM keys
CROSS JOIN newest
LEFT JOIN staging.courses AS courses ON courses.course_id = keys.course_id
LEFT JOIN staging.course_members AS people ON people.user_id = keys.user_id AND people.course_id = keys.course_id
LEFT JOIN sessions ON sessions.user_id = keys.user_id AND sessions.course_id = keys.course_id
LEFT JOIN spend ON spend.user_id = keys.user_id AND spend.course_id = keys.course_id
LEFT JOIN scores ON scores.user_id = keys.user_id AND scores.course_id = keys.course_id
LEFT JOIN assignments ON assignments.course_id = keys.course_id
