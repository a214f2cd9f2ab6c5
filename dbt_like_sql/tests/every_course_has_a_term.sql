-- marts.course_terms has each course of marts.course_summary and uses each label unchanged. A derived term lies within the days of
-- the course's sessions, and no label has its name. If it fails, look at marts/course_terms.sql.
SELECT summary.course_id, terms.term
FROM marts.course_summary AS summary
LEFT JOIN marts.course_terms AS terms ON terms.course_id = summary.course_id
WHERE summary.course_id IS NOT NULL AND terms.course_id IS NULL
UNION ALL
SELECT labels.course_id, terms.term
FROM raw.course_labels AS labels
LEFT JOIN marts.course_terms AS terms ON terms.course_id = labels.course_id
WHERE labels.term IS NOT NULL AND (labels.term IS DISTINCT FROM terms.term OR terms.is_derived)
UNION ALL
SELECT course_id, term
FROM marts.course_terms
WHERE is_derived AND (
    term IN (SELECT term FROM raw.course_labels)
    OR (
        NOT end_is_known AND department IS NULL
        AND replace(term, ' (by sessions)', '')
        NOT BETWEEN year(starts_on) || ' Q' || quarter(starts_on) AND year(ends_on) || ' Q' || quarter(ends_on)
    )
)
