-- No user ids: look them up in the mart.
SELECT
    coalesce(courses.course, 'unknown') AS course, found.day, CASE WHEN found.is_student THEN 'student' ELSE 'other' END AS who,
    round(found.cost, 2)::DOUBLE AS cost, round(found.median_cost, 2)::DOUBLE AS median_cost, found.times_median::DOUBLE AS times,
    found.episode_starts_on AS since
FROM marts.spend_anomalies AS found
LEFT JOIN courses ON courses.course_id = found.course_id
ORDER BY found.day DESC, found.cost DESC, found.course_id
LIMIT getvariable('most_anomalies')
