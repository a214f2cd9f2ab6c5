-- A term lasts from the first to the last day of its courses. A term that lacks the last day is still open, so it is one of the newest.
SELECT isolated(term) AS term, min(starts_on) AS first, max(ends_on) AS last, bool_and(is_derived) AS is_derived
FROM marts.course_terms
WHERE term IS NOT NULL AND course_id IN (SELECT course_id FROM courses WHERE term IS NOT NULL)
GROUP BY ALL
ORDER BY last DESC NULLS FIRST, term
