-- No user's day costs far more than the median student-day of the course. Each row is an episode of a course with an anomaly within
-- the last three days.
-- severity: warn
-- alert: yes
-- If it fails, look at marts.spend_anomalies for the users, and stop what still runs.
SELECT
    format('anomaly in course {} since {}', course_id, episode_starts_on) AS alarm,
    format(
        '{} cost {:.2f} USD so far, {} times the median student-day on the worst day.',
        if(count(DISTINCT user_id) = 1, '1 user', count(DISTINCT user_id) || ' users'), sum(cost)::DOUBLE, max(times_median)
    ) AS message
FROM marts.spend_anomalies
GROUP BY course_id, episode_starts_on
HAVING max(day) >= (SELECT max(as_of) - 3 FROM marts.spend_calendar)
