-- Estimates in the spend: values of several days are spread, falls of accumulated cost are classified, and parts that are unmapped or
-- shared by several courses have no course.
SELECT
    sum(cost) FILTER (dating = 'spread over several days') AS spread,
    sum(cost) FILTER (dating = 'before the first file') AS opening,
    sum(cost) FILTER (course = 'unknown') AS without_course,
    sum(cost) AS total,
    (SELECT count(*) FROM marts.daily_cloud_spend WHERE fall IS NOT NULL AND fall_evidence IS NULL) AS falls,
    (SELECT max(abs(fall_at_stake)) FROM marts.daily_cloud_spend WHERE fall IS NOT NULL AND fall_evidence IS NULL) AS largest_fall
FROM spend_days
