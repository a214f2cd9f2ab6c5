-- Each anomaly is the full spend of a user's day in a course, at least ten times the median and at least the floor, and no value in
-- it covers several days. If it fails, look at marts/spend_anomalies.sql.
SELECT anomalies.course_id, anomalies.user_id, anomalies.day
FROM marts.spend_anomalies AS anomalies
LEFT JOIN marts.daily_cloud_spend AS spend
    ON spend.course_id = anomalies.course_id AND spend.user_id = anomalies.user_id AND spend.spend_date = anomalies.day
    AND spend.cost <> 0
GROUP BY anomalies.course_id, anomalies.user_id, anomalies.day, anomalies.cost, anomalies.median_cost, anomalies.episode_starts_on
HAVING
    sum(spend.cost) IS DISTINCT FROM anomalies.cost
    OR bool_or(spend.days_covered > 1 OR spend.is_reset OR spend.is_opening_balance)
    OR anomalies.cost < 10 * anomalies.median_cost
    OR anomalies.cost < (SELECT coalesce(max(anomaly_floor_usd), 5) FROM ops.parameters)
    OR anomalies.episode_starts_on > anomalies.day
