-- Department and term of each course that a person labelled in the file of COURSE_LABELS_FILE. Empty without that file.
SELECT
    course_id, -- Vocareum id of the course -> marts.course_summary.
    department, -- Department that answers for the course; NULL where none is given.
    term, -- Term of the course; NULL where none is given.
    starts_on, -- First UTC day of the course; NULL where none is given.
    ends_on -- Last UTC day of the course; NULL where none is given.
FROM raw.course_labels
