-- Course and assignment of a user's spend on a mapped part. Costs name only the part, and a part may be mapped to several courses. The
-- course that service_spend and lab_sessions name for the user and part comes first, so that sessions and money are in the same course.
-- If they name none or several, take the only course that is both named and mapped, else the only mapped one, else the only mapped one in
-- which the user is enrolled, else the only mapped one whose enrollment lists the user, as dropped. Otherwise the course is unknown; it is
-- never chosen by the lowest id.
WITH
spenders AS (
    SELECT user_id, part_id FROM raw.aws_cost
    UNION
    SELECT user_id, part_id FROM raw.azure_cost
    UNION
    SELECT user_id, part_id FROM raw.service_spend
),
mapped AS (SELECT DISTINCT part_id, course_id FROM staging.part_courses),
listed AS (
    SELECT userid AS user_id, courseid AS course_id, bool_or(dropped IS NOT TRUE) AS is_enrolled
    FROM raw.enrollment
    GROUP BY userid, courseid
),
named AS (
    SELECT user_id, part_id, course_id FROM raw.service_spend WHERE course_id IS NOT NULL
    UNION
    SELECT user_id, part_id, course_id FROM raw.lab_sessions
),
candidates AS (
    SELECT user_id, part_id, course_id, true AS is_named FROM named
    UNION ALL
    SELECT spenders.user_id, spenders.part_id, mapped.course_id, false
    FROM spenders
    JOIN mapped ON mapped.part_id = spenders.part_id
),
marked AS (
    SELECT
        candidates.*, mapped.course_id IS NOT NULL AS is_mapped,
        coalesce(listed.is_enrolled, false) AS is_enrolled, listed.course_id IS NOT NULL AS is_listed
    FROM candidates
    LEFT JOIN mapped ON mapped.part_id = candidates.part_id AND mapped.course_id = candidates.course_id
    LEFT JOIN listed ON listed.user_id = candidates.user_id AND listed.course_id = candidates.course_id
),
-- min() returns the only course, as count(DISTINCT) is tested first.
decided AS (
    SELECT
        user_id,
        part_id,
        CASE
            WHEN count(DISTINCT course_id) FILTER (is_named) = 1 THEN min(course_id) FILTER (is_named)
            WHEN count(DISTINCT course_id) FILTER (is_named AND is_mapped) = 1 THEN min(course_id) FILTER (is_named AND is_mapped)
            WHEN count(DISTINCT course_id) FILTER (is_mapped) = 1 THEN min(course_id) FILTER (is_mapped)
            WHEN count(DISTINCT course_id) FILTER (is_mapped AND is_enrolled) = 1 THEN min(course_id) FILTER (is_mapped AND is_enrolled)
            -- Someone who dropped every course that shares the part has spent in the only one that lists them.
            WHEN count(DISTINCT course_id) FILTER (is_mapped AND is_listed) = 1 THEN min(course_id) FILTER (is_mapped AND is_listed)
        END AS course_id
    FROM marked
    GROUP BY user_id, part_id
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
    spenders.user_id, -- Vocareum id of the user.
    spenders.part_id, -- Vocareum id of the part; parts that were never mapped are not listed.
    decided.course_id, -- Course of the user's spend on the part; NULL if it is mapped to several courses without evidence for one.
    courses.course_name, -- Name of the course; NULL if course_id is, or if course_mapping does not list it.
    coalesce(in_course.assignment_id, anywhere.assignment_id) AS assignment_id, -- Assignment of the part; NULL if the part has several.
    CASE
        WHEN in_course.assignment_id IS NOT NULL THEN in_course.assignment_name
        ELSE anywhere.assignment_name
    END AS assignment_name -- Name of the assignment; NULL if assignment_id is, or if asn_mapping names none. The first in alphabetical order if it names several.
FROM spenders
JOIN assignments AS anywhere ON anywhere.part_id = spenders.part_id AND anywhere.course_id IS NULL
LEFT JOIN decided ON decided.user_id = spenders.user_id AND decided.part_id = spenders.part_id
LEFT JOIN assignments AS in_course ON in_course.part_id = spenders.part_id AND in_course.course_id = decided.course_id
LEFT JOIN staging.courses AS courses ON courses.course_id = decided.course_id
