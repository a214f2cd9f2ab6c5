-- Amount, spend and forecast of each period of each budget in BUDGETS_FILE; empty without that file. Budgets overlap, as a
-- course's spend also counts for its department, term and the organisation: never sum them.
WITH
now AS (SELECT max(as_of) AS day FROM marts.spend_calendar),
without_course AS (
    SELECT day, sum(cost) AS cost
    FROM marts.spend_days
    WHERE course_id IS NULL AND dating <> 'before the first file'
    GROUP BY day
),
spent_by_day AS (
    SELECT
        periods.budget, periods.starts_on, days.day, periods.amount,
        sum(days.cost) OVER (PARTITION BY periods.budget, periods.starts_on ORDER BY days.day) AS so_far
    FROM staging.budget_periods AS periods
    JOIN staging.scope_spend_days AS days
        ON days.scope = periods.scope AND days.scope_id = periods.scope_id
        AND days.day BETWEEN periods.starts_on AND periods.ends_on
),
spends AS (
    SELECT
        budget, starts_on,
        max_by(so_far, day) AS spent,
        CASE WHEN max_by(so_far, day) >= any_value(amount) THEN min(day) FILTER (so_far >= amount) END AS exhausted_on -- a credit may refill it
    FROM spent_by_day
    GROUP BY budget, starts_on
),
unknown AS (
    SELECT periods.budget, periods.starts_on, sum(without_course.cost) AS cost
    FROM staging.budget_periods AS periods
    JOIN without_course ON without_course.day BETWEEN periods.starts_on AND periods.ends_on
    GROUP BY periods.budget, periods.starts_on
),
-- The amount before the current one.
raised AS (
    SELECT versions.name AS budget, max_by(versions.amount, versions.valid_to) AS amount, max(versions.valid_to) AS changed_at
    FROM history.budgets AS versions
    JOIN staging.budgets AS present ON present.budget = versions.name
    WHERE versions.valid_to IS NOT NULL AND versions.amount <> present.amount
    GROUP BY versions.name
),
joined AS (
    SELECT
        periods.*, now.day AS as_of,
        coalesce(spends.spent, 0) AS spent,
        coalesce(unknown.cost, 0) AS spend_without_course,
        spends.exhausted_on AS was_exhausted_on,
        forecasts.* EXCLUDE (scope, scope_id, horizon, starts_on, ends_on, as_of, spent),
        forecasts.spent AS spent_as_of,
        raised.amount AS amount_before, raised.changed_at AS amount_changed_at,
        periods.scope = 'organisation' OR EXISTS (
            SELECT 1 FROM staging.scope_courses AS known
            WHERE known.scope = periods.scope AND known.scope_id = periods.scope_id
        ) AS is_known
    FROM staging.budget_periods AS periods
    CROSS JOIN now
    LEFT JOIN spends ON spends.budget = periods.budget AND spends.starts_on = periods.starts_on
    LEFT JOIN unknown ON unknown.budget = periods.budget AND unknown.starts_on = periods.starts_on
    LEFT JOIN raised ON raised.budget = periods.budget
    LEFT JOIN marts.spend_forecast AS forecasts
        ON forecasts.scope = periods.scope AND forecasts.scope_id = periods.scope_id AND forecasts.horizon = 'budget end'
        AND forecasts.starts_on = periods.starts_on AND forecasts.ends_on = periods.ends_on
),
-- Days after as_of, each with the spend expected by then.
rates AS (
    SELECT budget, starts_on, as_of, spend_until, amount, spent_as_of, days_left, unnest(weeks, max_depth := 2)
    FROM joined
    WHERE spent < amount
),
days AS (
    SELECT *, unnest(range(1, days_left + 1)) AS ahead, greatest(0, least(ahead, until - as_of)) AS days_expected -- least() ignores NULL
    FROM rates
),
coming AS (
    SELECT
        budget, starts_on, as_of + ahead::INTEGER AS day, any_value(amount) AS amount,
        any_value(spent_as_of)::DOUBLE + sum(
            (days_expected // 7) * list_sum(next_week)::DOUBLE + coalesce(list_sum(next_week[1:(days_expected % 7)]), 0)::DOUBLE
        ) AS spent
    FROM days
    WHERE as_of + ahead::INTEGER > spend_until -- earlier days are past, and part of their spend is known
    GROUP BY budget, starts_on, day
),
exhausting AS (
    SELECT budget, starts_on, min(day) AS exhausted_on
    FROM coming
    WHERE spent >= amount::DOUBLE
    GROUP BY budget, starts_on
)
SELECT
    joined.budget, -- Name of the budget.
    joined.starts_on, -- First UTC day of the period.
    joined.ends_on, -- Last UTC day of the period.
    joined.scope, -- organisation, department, course, root_course or term.
    joined.scope_id, -- Course id (-> marts.course_summary, as text), name of the department or term (-> marts.course_terms), or `organisation`.
    joined.as_of, -- Newest complete day (-> marts.spend_calendar), on which the forecast rests.
    joined.spend_until, -- Newest UTC day with spend, of any scope, up to the newest loaded cost file, or as_of if that is later. Later than as_of while files of a provider are missing or fail.
    joined.amount, -- US dollars that may be spent in the period.
    joined.amount_before, -- Amount before its last change, in US dollars; NULL if it never changed.
    joined.amount_changed_at, -- Time at which the file with the current amount was saved (UTC); NULL if the amount never changed.
    joined.spent::DECIMAL(38, 9) AS spent, -- US dollars spent in the period, exact, including incomplete days. Excludes opening balances.
    joined.spend_without_course::DECIMAL(38, 9) AS spend_without_course, -- US dollars spent on unmapped parts on these days: included in spent for the organisation, possibly missing from it for other scopes.
    round(joined.spent * 100 / joined.amount, 2)::DECIMAL(38, 2) AS percent_of_amount, -- spent, in percent of amount.
    round(
        greatest(0, least(joined.ends_on, coalesce(joined.spend_until, joined.starts_on - 1)) - joined.starts_on + 1) * 100 / (joined.ends_on - joined.starts_on + 1), 2
    )::DECIMAL(38, 2) AS percent_of_time, -- Days of the period up to spend_until, in percent of all its days.
    if(joined.forecast IS NULL, NULL, greatest(joined.forecast, joined.spent))::DECIMAL(38, 6) AS forecast, -- US dollars expected for the whole period (see marts.spend_forecast). NULL if as_of is not in the period, or with less than seven days of spend.
    if(joined.forecast_low IS NULL, NULL, greatest(joined.forecast_low, joined.spent))::DECIMAL(38, 6) AS forecast_low, -- Lower end of the 80 % band. NULL with fewer than eight origins.
    if(joined.forecast_high IS NULL, NULL, greatest(joined.forecast_high, joined.spent))::DECIMAL(38, 6) AS forecast_high, -- Upper end of the 80 % band. NULL with fewer than eight origins.
    joined.error_percent, -- Past error of the forecast at this distance, in percent of the actual spend. NULL without origins.
    coalesce(joined.was_exhausted_on, exhausting.exhausted_on) AS exhausted_on, -- UTC day on which spend reached amount, or will reach it by the forecast. NULL if neither, or if credits brought spend below amount again and the forecast stays below.
    CASE
        WHEN joined.was_exhausted_on IS NOT NULL THEN false
        WHEN exhausting.exhausted_on IS NOT NULL THEN true
    END AS is_exhausted_by_forecast, -- Whether exhausted_on is a forecast; NULL if exhausted_on is.
    joined.alert_at, -- Percentages of amount that trigger an alarm.
    [percent FOR percent IN joined.alert_at IF joined.spent * 100 >= joined.amount * percent] AS alerts_reached, -- Percentages of alert_at that spend has reached.
    joined.student_cap, -- US dollars that a student may spend in a course within the period (see marts.student_spend_watch); NULL without a cap.
    CASE
        WHEN NOT joined.is_known THEN 'no such scope'
        WHEN joined.spend_until > joined.ends_on THEN if(joined.spent >= joined.amount, 'ended over', 'ended')
        WHEN joined.spent >= joined.amount THEN 'over'
        WHEN joined.spend_until IS NULL OR joined.spend_until < joined.starts_on THEN 'upcoming'
        WHEN joined.forecast > joined.amount THEN 'forecast over'
        ELSE 'ok'
    END AS state -- State on the day spend_until: ok, forecast over, over, upcoming, ended, ended over, or no such scope (no course, department or term has that id).
FROM joined
LEFT JOIN exhausting ON exhausting.budget = joined.budget AND exhausting.starts_on = joined.starts_on
