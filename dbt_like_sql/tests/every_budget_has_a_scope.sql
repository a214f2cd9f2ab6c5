-- Each current budget is of a course, department or term that is known. No spend counts for any other, so it sends no alarm.
-- severity: warn
-- alert: yes
-- If it fails, correct the id in BUDGETS_FILE, or label the courses in COURSE_LABELS_FILE; `analytics-pipeline budgets check` names each id.
SELECT DISTINCT
    format('budget of the unknown {} {}', replace(scope, '_', ' '), scope_id) AS alarm,
    'No spend counts for it. Correct the id in BUDGETS_FILE, or label its courses in COURSE_LABELS_FILE.' AS message
FROM marts.budget_status
WHERE state = 'no such scope' AND spend_until BETWEEN starts_on AND ends_on
