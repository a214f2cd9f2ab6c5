-- marts.roster_changes has one row per user, course and moment.
-- If it fails, several states of one user hold at once: look at the subquery `held`.
SELECT user_id, course_id, changed_at, count(*) AS times
FROM marts.roster_changes
GROUP BY user_id, course_id, changed_at
HAVING count(*) > 1
