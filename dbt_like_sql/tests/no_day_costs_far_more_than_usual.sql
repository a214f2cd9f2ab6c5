-- No user's day in a course costs far more than a student's day does there. Each row is an episode of a course that began on one day and
-- has had an anomaly within the last three days.
-- severity: warn
-- alert: yes
-- If it alerts, look at marts.spend_anomalies for the users, and end what still runs.
SELECT
    format('anomaly in course {} since {}', anomalies.course_id, episode_starts_on) AS alarm,
    format(
        '{} users cost {:.2f} USD so far, {} times a usual student-day on the worst day.',
        count(DISTINCT user_id), sum(cost)::DOUBLE, max(times_median)
    ) AS message
FROM marts.spend_anomalies AS anomalies
GROUP BY course_id, episode_starts_on
HAVING max(day) >= (SELECT max(as_of) - 3 FROM marts.spend_calendar)
