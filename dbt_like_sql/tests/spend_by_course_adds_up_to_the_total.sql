-- The spend of all courses and of unmapped parts adds up to the organisation's, to the last decimal. So does that of all users, over the
-- spend with a known course. If it fails, a join in marts.course_summary or marts.student_course_summary loses or multiplies money.
SELECT 'course_summary' AS mart, by_course.spend, organisation.total AS expected
FROM (SELECT coalesce(sum(spend), 0) AS spend FROM marts.course_summary) AS by_course
CROSS JOIN (SELECT coalesce(sum(cost), 0) AS total FROM marts.daily_cloud_spend) AS organisation
WHERE by_course.spend <> organisation.total
UNION ALL
SELECT 'student_course_summary', by_user.spend, organisation.total
FROM (SELECT coalesce(sum(spend), 0) AS spend FROM marts.student_course_summary) AS by_user
CROSS JOIN (
    SELECT coalesce(sum(cost), 0) AS total FROM marts.daily_cloud_spend WHERE course_id IS NOT NULL
) AS organisation
WHERE by_user.spend <> organisation.total
