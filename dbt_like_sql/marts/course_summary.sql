-- Each course: who is in it, what they do and what it costs. The row without a course holds the spend of parts that no mapping
-- knows, so that the column spend adds up to the organisation's total.
WITH
people AS (
    SELECT
        course_id,
        count(*) FILTER (is_student AND dropped IS NOT TRUE) AS students,
        count(*) FILTER (is_student AND dropped) AS dropped_students,
        count(*) FILTER (is_student AND sessions > 0) AS active_students,
        count(*) FILTER (never_launched AND dropped IS NOT TRUE) AS students_never_launched,
        count(*) FILTER (role IS NOT NULL AND NOT is_student) AS staff,
        sum(sessions)::BIGINT AS sessions,
        sum(minutes) AS minutes,
        sum(spend) FILTER (is_student) AS student_spend,
        max(last_seen) AS last_seen
    FROM marts.student_course_summary
    GROUP BY course_id
),
spend AS (SELECT course_id, sum(cost) AS spend FROM marts.daily_cloud_spend GROUP BY course_id),
keys AS (
    SELECT course_id FROM marts.course_lineage
    UNION
    SELECT course_id FROM staging.parts
    UNION
    SELECT course_id FROM people
    UNION
    SELECT course_id FROM spend
)
SELECT
    keys.course_id, -- Vocareum id of the course; NULL for parts that no mapping knows.
    lineage.course_name, -- Name of the course; NULL where course_mapping does not list it.
    lineage.root_course_id, -- Course at the end of its chain of clones; may lie outside the organisation. NULL in a circle.
    coalesce(people.students, 0) AS students, -- Enrolled students who have not dropped.
    coalesce(people.dropped_students, 0) AS dropped_students, -- Enrolled students who dropped.
    coalesce(people.active_students, 0) AS active_students, -- Students with at least one session, dropped ones included.
    coalesce(people.students_never_launched, 0) AS students_never_launched, -- Students who have not dropped and have no session.
    coalesce(people.staff, 0) AS staff, -- Enrolled people in any other role.
    coalesce(people.sessions, 0) AS sessions, -- Lab sessions of anyone, failed launches included.
    coalesce(people.minutes, 0)::DECIMAL(18, 6) AS minutes, -- Minutes in labs of anyone.
    coalesce(spend.spend, 0)::DECIMAL(18, 9) AS spend, -- US dollars on AWS and Azure of anyone, exact.
    coalesce(people.student_spend, 0)::DECIMAL(18, 9) AS student_spend, -- US dollars of it that students spent, exact.
    CASE
        WHEN people.active_students > 0 THEN round(coalesce(people.student_spend, 0) / people.active_students, 6)
    END::DECIMAL(18, 6) AS spend_per_active_student, -- student_spend by active_students, to six decimals; NULL without active students.
    people.last_seen -- Latest end of a session, or launch (else start) where it has no end (UTC).
FROM keys
LEFT JOIN people ON people.course_id = keys.course_id
LEFT JOIN spend ON spend.course_id IS NOT DISTINCT FROM keys.course_id
LEFT JOIN marts.course_lineage AS lineage ON lineage.course_id = keys.course_id
