-- The course of all spend on mapped parts is known. A returned row is a user's spend on a part that is mapped to, or used in, several
-- courses without evidence for one, so that it counts for none of them.
-- severity: warn
-- If it fails, load service_spend, lab_sessions and enrollment of the days and courses concerned, or ask who else uses the part.
SELECT spend.user_id, spend.part_id, min(spend.spend_date) AS first_day, max(spend.spend_date) AS last_day, sum(spend.cost) AS cost
FROM marts.daily_cloud_spend AS spend
SEMI JOIN staging.part_courses AS mapped ON mapped.part_id = spend.part_id
WHERE spend.course_id IS NULL
GROUP BY spend.user_id, spend.part_id
ORDER BY cost DESC
