-- Every budget that a person wrote into the file of BUDGETS_FILE, with its defaults filled in. Empty without that file.
SELECT
    name AS budget, -- Name of the budget, unique.
    scope, -- organisation, department, course, root_course or term.
    coalesce(id, 'organisation') AS scope_id, -- Course id, name of the department or term, or `organisation`.
    starts_on, -- First UTC day.
    ends_on, -- Last UTC day; NULL for a monthly budget that goes on.
    amount, -- US dollars of the period, or of each month.
    list_sort(list_distinct([
        trim(percent)::INTEGER FOR percent IN string_split(coalesce(alert_at, '50;80;100'), ';')
    ])) AS alert_at, -- Percents of the amount at which an alarm is sent, in order; 50, 80 and 100 where none are given.
    student_cap, -- US dollars that a student may spend in a course within the period; NULL for no cap.
    coalesce(repeat = 'monthly', false) AS is_monthly -- Whether the amount holds for each month.
FROM raw.budgets
