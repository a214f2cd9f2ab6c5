-- Number of students per course, month and cap in classes over the cap, and of those who spend after a drop; never rows of people.
SELECT
    coalesce(courses.course, 'unknown') AS course, watched.month AS day, isolated(min(watched.cap_budget)) AS budget,
    watched.cap::DOUBLE AS cap, count(*) FILTER (watched.cap IS NOT NULL) AS students,
    count(*) FILTER (watched.is_over_cap AND watched.spend_under_cap <= 1.5 * watched.cap) AS up_to_half_more,
    count(*) FILTER (watched.is_over_cap AND watched.spend_under_cap > 1.5 * watched.cap AND watched.spend_under_cap <= 2 * watched.cap) AS up_to_double,
    count(*) FILTER (watched.is_over_cap AND watched.spend_under_cap > 2 * watched.cap) AS over_double,
    round(coalesce(sum(watched.spend_under_cap - watched.cap) FILTER (watched.is_over_cap), 0), 2)::DOUBLE AS above_cap,
    count(*) FILTER (watched.spend_after_drop > 0) AS after_drop, round(sum(watched.spend_after_drop), 2)::DOUBLE AS after_drop_cost
FROM marts.student_spend_watch AS watched
LEFT JOIN courses ON courses.course_id = watched.course_id
WHERE watched.month >= (SELECT max(month) - INTERVAL 2 MONTH FROM marts.student_spend_watch)
GROUP BY coalesce(courses.course, 'unknown'), watched.course_id, watched.month, watched.cap
HAVING count(*) FILTER (watched.is_over_cap OR watched.spend_after_drop > 0) > 0
ORDER BY day DESC, above_cap DESC, after_drop_cost DESC, watched.course_id, cap
