-- The spend of a budget of the organisation, a course or a clone family equals that of marts.spend_days for those courses and days.
-- If it fails, look at staging/scope_courses.sql and marts/budget_status.sql.
WITH
again AS (
    SELECT budgets.budget, budgets.starts_on, coalesce(sum(days.cost), 0) AS spent
    FROM marts.budget_status AS budgets
    LEFT JOIN marts.course_lineage AS families
        ON budgets.scope = 'root_course' AND families.root_course_id::VARCHAR = budgets.scope_id
    LEFT JOIN marts.spend_days AS days
        ON days.day BETWEEN budgets.starts_on AND budgets.ends_on AND days.dating <> 'before the first file'
        AND (
            budgets.scope = 'organisation'
            OR (budgets.scope = 'course' AND days.course_id::VARCHAR = budgets.scope_id)
            OR (budgets.scope = 'root_course' AND days.course_id = families.course_id)
        )
    WHERE budgets.scope IN ('organisation', 'course', 'root_course')
    GROUP BY budgets.budget, budgets.starts_on
)
SELECT budgets.budget, budgets.starts_on, budgets.spent, again.spent AS spent_again
FROM marts.budget_status AS budgets
JOIN again ON again.budget = budgets.budget AND again.starts_on = budgets.starts_on
WHERE budgets.spent <> again.spent
