-- Every course that course_mapping knows, once. Where it is listed more than once, the lowest parent counts.
SELECT
    course_id, -- Vocareum id of the course.
    course_name, -- Name of the course.
    create_method, -- How the course was made, such as `Clone by Reference`.
    parent_course_id -- Course it was cloned from; may lie outside the organisation or be gone.
FROM raw.course_mapping
QUALIFY row_number() OVER (PARTITION BY course_id ORDER BY parent_course_id, create_method, course_name) = 1
