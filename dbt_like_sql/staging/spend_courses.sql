-- Course and assignment of a user's spend on a mapped part in a month. Costs name only the part, and a part may be mapped to several
-- courses, such as an old course and its clone for a new term. The evidence is the courses that service_spend and lab_sessions name for the
-- user and part, so that sessions and money are in the same course. Only the evidence of the month counts. So if a student appears in the
-- clone, the money of earlier months stays in the old course. A month without evidence takes that of the newest earlier month that has any,
-- else that of the first later month.
-- If the evidence names one course, take it. If it names several or there is none, take the only course that is both named and mapped, else
-- the only mapped one. If several are left, take the only one in which the user is enrolled, else the only one whose enrollment lists the
-- user, as dropped. Otherwise the course is unknown; it is never chosen by the lowest id.
WITH
seen AS (
    SELECT user_id, part_id, date_trunc('month', file_date)::DATE AS month, NULL::BIGINT AS course_id, true AS is_spend FROM raw.aws_cost
    UNION
    SELECT user_id, part_id, make_date(year, month, 1), NULL, true FROM raw.azure_cost
    UNION
    SELECT user_id, part_id, file_month, course_id, true FROM raw.service_spend
    UNION
    SELECT user_id, part_id, date_trunc('month', session_date)::DATE, course_id, false FROM staging.lab_session_rows
),
months AS (
    SELECT
        user_id, part_id, month, bool_or(is_spend) AS is_spent,
        list(DISTINCT course_id) FILTER (course_id IS NOT NULL) AS named
    FROM seen
    GROUP BY user_id, part_id, month
),
evidence AS (
    SELECT
        user_id, part_id, month, is_spent,
        coalesce(last_value(named IGNORE NULLS) OVER up_to_then, last_value(named IGNORE NULLS) OVER back_to_then) AS named
    FROM months
    WINDOW
        up_to_then AS (PARTITION BY user_id, part_id ORDER BY month),
        back_to_then AS (PARTITION BY user_id, part_id ORDER BY month DESC)
),
mapped AS (SELECT part_id, list(DISTINCT course_id) AS courses FROM staging.part_courses GROUP BY part_id),
people AS (
    SELECT
        userid AS user_id, list(DISTINCT courseid) AS listed,
        list(DISTINCT courseid) FILTER (dropped IS NOT TRUE) AS enrolled
    FROM raw.enrollment
    GROUP BY userid
),
narrowed AS (
    SELECT
        evidence.user_id, evidence.part_id, evidence.month, evidence.named, people.enrolled, people.listed,
        -- Enrollment in any other course says nothing about the month.
        if(list_has_any(evidence.named, mapped.courses), list_intersect(evidence.named, mapped.courses), mapped.courses) AS possible
    FROM evidence
    JOIN mapped ON mapped.part_id = evidence.part_id
    LEFT JOIN people ON people.user_id = evidence.user_id
    WHERE evidence.is_spent
),
decided AS (
    SELECT
        user_id, part_id, month,
        [
            courses[1] FOR courses IN [named, possible, list_intersect(possible, enrolled), list_intersect(possible, listed)]
            IF len(courses) = 1
        ][1] AS course_id
    FROM narrowed
),
-- An assignment counts if it is the part's only one in the course, or its only one anywhere.
assignments AS (
    SELECT
        part_id, course_id,
        CASE WHEN min(assignment_id) = max(assignment_id) THEN min(assignment_id) END AS assignment_id,
        CASE WHEN min(assignment_id) = max(assignment_id) THEN min(assignment_name) END AS assignment_name
    FROM staging.part_mappings
    GROUP BY GROUPING SETS ((part_id), (part_id, course_id))
)
SELECT
    decided.user_id, -- Vocareum id of the user.
    decided.part_id, -- Vocareum id of the part; parts that were never mapped are not listed.
    decided.month, -- First day of a month with a cost of the user and part.
    decided.course_id, -- Course of the user's spend on the part in the month; NULL if the part is mapped to several courses without evidence for one.
    courses.course_name, -- Name of the course; NULL if course_id is, or if course_mapping never listed it.
    coalesce(in_course.assignment_id, anywhere.assignment_id) AS assignment_id, -- Assignment of the part; NULL if the part has several.
    CASE
        WHEN in_course.assignment_id IS NOT NULL THEN in_course.assignment_name
        ELSE anywhere.assignment_name
    END AS assignment_name -- Name of the assignment; NULL if assignment_id is, or if asn_mapping names none. The first in alphabetical order if it names several.
FROM decided
JOIN assignments AS anywhere ON anywhere.part_id = decided.part_id AND anywhere.course_id IS NULL
LEFT JOIN assignments AS in_course ON in_course.part_id = decided.part_id AND in_course.course_id = decided.course_id
LEFT JOIN staging.courses AS courses ON courses.course_id = decided.course_id
