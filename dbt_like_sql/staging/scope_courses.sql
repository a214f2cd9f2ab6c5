-- The courses of each scope that a budget or forecast can cover. The organisation's row without a course stands for spend on
-- unmapped parts.
WITH
courses AS (
    SELECT course_id FROM marts.course_terms
    UNION
    SELECT course_id FROM marts.spend_days WHERE course_id IS NOT NULL
)
SELECT
    'organisation' AS scope, -- organisation, department, course, root_course or term.
    'organisation' AS scope_id, -- Course id, name of the department or term, or `organisation`.
    course_id -- Course of the scope -> marts.course_summary. A course is in several scopes.
FROM courses
UNION ALL
SELECT 'organisation', 'organisation', NULL
UNION ALL
SELECT 'course', course_id::VARCHAR, course_id FROM courses
UNION ALL
SELECT 'root_course', root_course_id::VARCHAR, course_id
FROM marts.course_lineage
WHERE root_course_id IS NOT NULL
UNION ALL
SELECT 'department', department, course_id FROM staging.course_labels WHERE department IS NOT NULL
UNION ALL
SELECT 'term', term, course_id FROM staging.course_labels WHERE term IS NOT NULL
