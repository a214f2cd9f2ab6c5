-- Spend of each scope per day and declared end of its courses. Excludes opening balances, which are not spend of their day. A course's
-- spend counts in several scopes: sum within one.
SELECT
    members.scope, -- organisation, department, course, root_course or term.
    members.scope_id, -- Course id, name of the department or term, or `organisation`.
    days.day, -- UTC day.
    labels.ends_on AS until, -- Last UTC day of the courses, as their labels declare it; NULL for courses without a declared end, and for spend without a course.
    sum(days.cost)::DECIMAL(38, 9) AS cost -- US dollars, exact.
FROM marts.spend_days AS days
JOIN staging.scope_courses AS members ON members.course_id IS NOT DISTINCT FROM days.course_id
LEFT JOIN staging.course_labels AS labels ON labels.course_id = days.course_id
WHERE days.dating <> 'before the first file'
GROUP BY members.scope, members.scope_id, days.day, labels.ends_on
