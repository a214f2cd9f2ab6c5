-- The largest courses by name. To keep the page small, smaller ones are merged: one per term, department and root course, so that
-- filters still add up.
CREATE OR REPLACE TEMP TABLE courses AS
WITH
ranked AS (
    SELECT
        summary.course_id,
        coalesce(isolated(summary.course_name), 'Course ' || summary.course_id) AS name,
        summary.root_course_id,
        row_number() OVER (ORDER BY summary.spend DESC, summary.sessions DESC, summary.students DESC, summary.course_id) AS place
    FROM marts.course_summary AS summary
    WHERE summary.course_id IS NOT NULL AND (summary.spend <> 0 OR summary.sessions > 0 OR summary.students > 0)
),
-- The filter lists a root course if several courses descend from it, and the page names at least one of them.
roots AS (
    SELECT root_course_id
    FROM ranked
    GROUP BY root_course_id
    HAVING count(*) > 1 AND min(place) <= getvariable('most_courses')
),
described AS (
    SELECT ranked.*, roots.root_course_id::VARCHAR AS root, isolated(terms.term) AS term, isolated(terms.department) AS department
    FROM ranked
    LEFT JOIN roots ON roots.root_course_id = ranked.root_course_id
    LEFT JOIN marts.course_terms AS terms ON terms.course_id = ranked.course_id
)
SELECT
    course_id,
    CASE
        WHEN place <= getvariable('most_courses') THEN course_id::VARCHAR
        ELSE 'other-' || dense_rank() OVER (ORDER BY place <= getvariable('most_courses'), term, department, root)
    END AS course,
    CASE
        WHEN place > getvariable('most_courses') THEN 'Other courses'
        WHEN count(*) OVER (PARTITION BY name) > 1 THEN name || ' (' || course_id || ')'
        ELSE name
    END AS label,
    term,
    department,
    root,
    place
FROM described;
