-- Each course: its people, their activity and its cost. The row without a course holds the spend of unmapped parts, so that spend
-- adds up to the organisation's total.
-- docs/data_dictionary.md, "People", defines active, enrolled, dropped and left.
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
    keys.course_id, -- Vocareum id of the course; NULL for unmapped parts.
    lineage.course_name, -- Name of the course; NULL if course_mapping never listed it.
    lineage.root_course_id, -- Course at the end of its chain of clones; may be outside the organisation. NULL in a cycle. -> marts.course_summary.course_id, unless it is outside the organisation.
    coalesce(people.students, 0) AS students, -- Enrolled students: active_enrolled_students + failed_only_students + students_never_launched. A student of several courses counts in each, so do not sum this or any other count of people over courses.
    coalesce(people.active_enrolled_students, 0) AS active_enrolled_students, -- Enrolled students with a successful session.
    coalesce(people.failed_only_students, 0) AS failed_only_students, -- Enrolled students with launches, none of which started a lab.
    coalesce(people.students_never_launched, 0) AS students_never_launched, -- Enrolled students without any session, not even a failed launch.
    coalesce(people.dropped_students, 0) AS dropped_students, -- Students who dropped the course.
    coalesce(people.left_students, 0) AS left_students, -- Students whom the newest enrollment no longer lists, and who had not dropped before.
    coalesce(people.active_students, 0) AS active_students, -- Students with a successful session, whether enrolled, dropped or left.
    coalesce(people.staff, 0) AS staff, -- Enrolled people in any other role.
    coalesce(people.sessions, 0) AS sessions, -- Lab sessions of all people, including failed launches.
    coalesce(people.minutes, 0)::DECIMAL(38, 6) AS minutes, -- Minutes in labs of all people.
    coalesce(spend.spend, 0)::DECIMAL(38, 9) AS spend, -- US dollars on AWS and Azure of all people since the start of the feed, exact; includes opening_balance.
    round(coalesce(spend.spend, 0), 2)::DECIMAL(38, 2) AS spend_usd, -- spend rounded to cents, for display. Do not sum: sum spend.
    coalesce(spend.opening_balance, 0)::DECIMAL(38, 9) AS opening_balance, -- US dollars that AWS had accumulated by its first file, at an unknown time.
    coalesce(people.student_spend, 0)::DECIMAL(38, 9) AS student_spend, -- US dollars that students spent, exact: enrolled, dropped and left ones, active or not.
    coalesce(people.active_student_spend, 0)::DECIMAL(38, 9) AS active_student_spend, -- US dollars that active_students spent, exact.
    CASE
        WHEN people.active_students > 0 THEN round(people.active_student_spend / people.active_students, 6)
    END::DECIMAL(38, 6) AS spend_per_active_student, -- active_student_spend / active_students, to six decimals; NULL without active students. Do not sum or average over courses.
    people.last_seen -- Latest end of a session, or its launch (else start) if it has no end (UTC).
FROM keys
LEFT JOIN people ON people.course_id = keys.course_id
LEFT JOIN spend ON spend.course_id IS NOT DISTINCT FROM keys.course_id
LEFT JOIN marts.course_lineage AS lineage ON lineage.course_id = keys.course_id
