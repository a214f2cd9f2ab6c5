-- Every budget in BUDGETS_FILE, with defaults filled in. Empty without that file.
SELECT DISTINCT
    name AS budget, -- Name of the budget, unique.
    scope, -- organisation, department, course, root_course or term.
    coalesce(id, 'organisation') AS scope_id, -- Course id, name of the department or term, or `organisation`.
    starts_on, -- First UTC day.
    ends_on, -- Last UTC day; NULL for a monthly budget without an end.
    amount, -- US dollars of the period, or of each month.
    list_sort(list_distinct([
        trim(percent)::INTEGER FOR percent IN string_split(coalesce(alert_at, '50;80;100'), ';')
    ])) AS alert_at, -- Percentages of the amount that trigger an alarm, ascending; 50, 80 and 100 by default.
    student_cap, -- US dollars that a student may spend in a course within the period; NULL without a cap.
    coalesce(repeat = 'monthly', false) AS is_monthly -- Whether the amount applies to each month.
FROM raw.budgets
