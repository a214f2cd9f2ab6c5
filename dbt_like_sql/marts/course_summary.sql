-- Each course: who is in it, what they do and what it costs. The row without a course holds the spend of parts that no mapping
-- knows, so that the column spend adds up to the organisation's total.
-- What active, enrolled, dropped and left mean is in docs/data_dictionary.md, "People".
WITH
people AS (
    SELECT
        course_id,
        count(*) FILTER (is_student AND is_enrolled) AS students,
        count(*) FILTER (is_student AND is_enrolled AND is_active) AS active_enrolled_students,
        count(*) FILTER (is_student AND is_enrolled AND is_failed_only) AS failed_only_students,
        count(*) FILTER (is_enrolled AND never_launched) AS students_never_launched,
        count(*) FILTER (is_student AND dropped) AS dropped_students,
        count(*) FILTER (is_student AND NOT is_enrolled AND dropped IS NOT TRUE) AS left_students,
        count(*) FILTER (is_student AND is_active) AS active_students,
        count(*) FILTER (is_enrolled AND NOT is_student AND role IS NOT NULL) AS staff,
        sum(sessions)::BIGINT AS sessions,
        sum(minutes) AS minutes,
        sum(spend) FILTER (is_student) AS student_spend,
        sum(spend) FILTER (is_student AND is_active) AS active_student_spend,
        max(last_seen) AS last_seen
    FROM marts.student_course_summary
    GROUP BY course_id
),
spend AS (
    SELECT course_id, sum(cost) AS spend, sum(cost) FILTER (dating = 'before the first file') AS opening_balance
    FROM marts.spend_days
    GROUP BY course_id
),
keys AS (
    SELECT course_id FROM marts.course_lineage
    UNION
    SELECT course_id FROM staging.part_courses
    UNION
    SELECT course_id FROM people
    UNION
    SELECT course_id FROM spend
)
SELECT
    keys.course_id, -- Vocareum id of the course; NULL for parts that no mapping knows.
    lineage.course_name, -- Name of the course; NULL where course_mapping does not list it.
    lineage.root_course_id, -- Course at the end of its chain of clones; may lie outside the organisation. NULL in a circle.
    coalesce(people.students, 0) AS students, -- Enrolled students: active_enrolled_students, failed_only_students and students_never_launched together. A student of several courses counts in each: not to be summed over courses, and so for all counts of people here.
    coalesce(people.active_enrolled_students, 0) AS active_enrolled_students, -- Enrolled students with a session that succeeded.
    coalesce(people.failed_only_students, 0) AS failed_only_students, -- Enrolled students who launched labs, none of which started.
    coalesce(people.students_never_launched, 0) AS students_never_launched, -- Enrolled students without a session, failed launches included.
    coalesce(people.dropped_students, 0) AS dropped_students, -- Students who have dropped the course.
    coalesce(people.left_students, 0) AS left_students, -- Students whom the newest enrollment no longer lists, and who had not dropped before.
    coalesce(people.active_students, 0) AS active_students, -- Students with a session that succeeded, whether enrolled, dropped or left.
    coalesce(people.staff, 0) AS staff, -- Enrolled people in any other role.
    coalesce(people.sessions, 0) AS sessions, -- Lab sessions of anyone, failed launches included.
    coalesce(people.minutes, 0)::DECIMAL(38, 6) AS minutes, -- Minutes in labs of anyone.
    coalesce(spend.spend, 0)::DECIMAL(38, 9) AS spend, -- US dollars on AWS and Azure of anyone over the whole time, exact; opening_balance is part of it.
    coalesce(spend.opening_balance, 0)::DECIMAL(38, 9) AS opening_balance, -- US dollars of it that AWS had accumulated by its first file, at an unknown time.
    coalesce(people.student_spend, 0)::DECIMAL(38, 9) AS student_spend, -- US dollars of it that students spent, exact: enrolled, dropped and left ones, active or not.
    coalesce(people.active_student_spend, 0)::DECIMAL(38, 9) AS active_student_spend, -- US dollars of it that active_students spent, exact.
    CASE
        WHEN people.active_students > 0 THEN round(people.active_student_spend / people.active_students, 6)
    END::DECIMAL(38, 6) AS spend_per_active_student, -- active_student_spend by active_students, the same people, to six decimals; NULL without active students. Not to be summed or averaged over courses.
    people.last_seen -- Latest end of a session, or launch (else start) where it has no end (UTC).
FROM keys
LEFT JOIN people ON people.course_id = keys.course_id
LEFT JOIN spend ON spend.course_id IS NOT DISTINCT FROM keys.course_id
LEFT JOIN marts.course_lineage AS lineage ON lineage.course_id = keys.course_id
