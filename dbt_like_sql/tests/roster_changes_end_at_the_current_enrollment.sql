-- The last change of each user in each course leads to the current enrollment, and everybody enrolled has a change.
-- If it fails, history.enrollment and raw.enrollment differ, or marts.roster_changes misreads the history.
WITH
last_changes AS (
    SELECT user_id, course_id, role, dropped
    FROM (SELECT * FROM marts.roster_changes QUALIFY 1 = row_number() OVER (PARTITION BY user_id, course_id ORDER BY changed_at DESC))
    WHERE change <> 'left'
)
(SELECT 'roster_changes' AS side, * FROM last_changes EXCEPT SELECT 'roster_changes', user_id, course_id, role, dropped FROM staging.enrollment)
UNION ALL
(SELECT 'enrollment', user_id, course_id, role, dropped FROM staging.enrollment EXCEPT SELECT 'enrollment', * FROM last_changes)
