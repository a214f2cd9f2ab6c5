-- Every course in course_mapping, once. A course listed with several parents has none here: nothing says which is right.
WITH
listed AS (
    SELECT
        *,
        min(parent_course_id) OVER listings IS DISTINCT FROM max(parent_course_id) OVER listings AS has_several_parents,
        row_number() OVER (PARTITION BY course_id ORDER BY parent_course_id, create_method, course_name) AS place
    FROM raw.course_mapping
    WINDOW listings AS (PARTITION BY course_id)
)
SELECT
    course_id, -- Vocareum id of the course.
    course_name, -- Name of the course.
    create_method, -- How the course was created, such as `Clone by Reference`.
    CASE WHEN NOT has_several_parents THEN parent_course_id END AS parent_course_id, -- Course it was cloned from; may be outside the organisation, or deleted. NULL if course_mapping names several.
    has_several_parents -- Whether course_mapping names several parents of the course.
FROM listed
WHERE place = 1
