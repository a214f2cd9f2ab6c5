SELECT
    courses.course,
    sum(totals.spend)::DOUBLE AS cost,
    sum(totals.sessions)::BIGINT AS sessions,
    sum(totals.students)::BIGINT AS students,
    sum(totals.failed_only_students)::BIGINT AS failed_only,
    (sum(totals.students_never_launched) + failed_only)::BIGINT AS never_seen,
    row_number() OVER (ORDER BY never_seen DESC, courses.course)::INTEGER AS place
FROM marts.course_summary AS totals
JOIN courses ON courses.course_id = totals.course_id
GROUP BY courses.course
ORDER BY cost DESC
