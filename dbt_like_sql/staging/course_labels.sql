-- Department and term of each course in COURSE_LABELS_FILE. Empty without that file.
SELECT DISTINCT
    course_id, -- Vocareum id of the course -> marts.course_summary.
    department, -- Department responsible for the course; NULL if not given.
    term, -- Term of the course; NULL if not given.
    starts_on, -- First UTC day of the course; NULL if not given.
    ends_on -- Last UTC day of the course; NULL if not given.
FROM raw.course_labels
