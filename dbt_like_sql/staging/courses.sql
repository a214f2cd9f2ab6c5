-- Every course in course_mapping, once, or as course_mapping last listed it: a course that is deleted keeps its name, its parent and its
-- place in the chain of clones. A course listed with several parents has none here: nothing says which is right.
WITH
past AS (
    SELECT
        course_id, course_name, create_method, parent_course_id,
        valid_to = max(valid_to) OVER (PARTITION BY course_id) AS is_last
    FROM history.course_mapping
    WHERE valid_to IS NOT NULL
),
mapped AS (
    SELECT course_id, course_name, create_method, parent_course_id
    FROM raw.course_mapping
    UNION ALL
    SELECT past.course_id, past.course_name, past.create_method, past.parent_course_id
    FROM past
    ANTI JOIN raw.course_mapping AS present ON present.course_id = past.course_id
    WHERE past.is_last
),
listed AS (
    SELECT
        *,
        coalesce(min(parent_course_id) OVER listings <> max(parent_course_id) OVER listings, false) AS has_several_parents,
        row_number() OVER (PARTITION BY course_id ORDER BY parent_course_id, create_method, course_name) AS place
    FROM mapped
    WINDOW listings AS (PARTITION BY course_id)
)
SELECT
    course_id, -- Vocareum id of the course.
    course_name, -- Name of the course.
    create_method, -- How the course was created, such as `Clone by Reference`.
    CASE WHEN NOT has_several_parents THEN parent_course_id END AS parent_course_id, -- Course it was cloned from; may be outside the organisation, or have been deleted before the first load. NULL if course_mapping names several.
    has_several_parents -- Whether course_mapping names several parents of the course.
FROM listed
WHERE place = 1
