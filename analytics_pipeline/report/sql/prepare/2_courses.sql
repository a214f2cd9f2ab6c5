CREATE OR REPLACE TEMP TABLE courses AS
WITH ranked AS (
    SELECT
        course_id,
        coalesce(isolated(course_name), 'Course ' || course_id) AS name,
        row_number() OVER (ORDER BY spend DESC, sessions DESC, students DESC, course_id) AS place
    FROM marts.course_summary
    WHERE course_id IS NOT NULL AND (spend > 0 OR sessions > 0 OR students > 0)
)
SELECT
    course_id,
    CASE WHEN place <= getvariable('most_courses') THEN course_id::VARCHAR ELSE 'other' END AS course,
    CASE
        WHEN place > getvariable('most_courses') THEN 'Other courses'
        WHEN count(*) OVER (PARTITION BY name) > 1 THEN name || ' (' || course_id || ')'
        ELSE name
    END AS label,
    place
FROM ranked;
