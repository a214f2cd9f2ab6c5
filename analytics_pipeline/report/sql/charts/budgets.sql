-- Each budget's current period, otherwise the newest that ended, otherwise the next. Percentages of the amount are for drawing,
-- other columns for text.
WITH periods AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY budget
            ORDER BY state NOT IN ('upcoming', 'ended', 'ended over') DESC, state <> 'upcoming' DESC,
                CASE WHEN state = 'upcoming' THEN starts_on END, starts_on DESC
        ) AS choice
    FROM marts.budget_status
)
SELECT
    isolated(budget) AS budget,
    replace(scope, '_', ' ') || CASE
        WHEN scope = 'organisation' THEN ''
        ELSE ' ' || isolated(coalesce(named.course_name, scope_id))
    END AS covers,
    starts_on, ends_on, as_of, state,
    amount::DOUBLE AS amount, round(spent, 2)::DOUBLE AS spent, round(spend_without_course, 2)::DOUBLE AS without_course,
    round(forecast, 2)::DOUBLE AS forecast, round(forecast_low, 2)::DOUBLE AS low, round(forecast_high, 2)::DOUBLE AS high,
    error_percent::DOUBLE AS error_percent, exhausted_on, coalesce(is_exhausted_by_forecast, false) AS is_forecast,
    round(spent * 100 / amount, 1)::DOUBLE AS spent_share, percent_of_time::DOUBLE AS time_share,
    round(forecast * 100 / amount, 1)::DOUBLE AS forecast_share, round(forecast_low * 100 / amount, 1)::DOUBLE AS low_share,
    round(forecast_high * 100 / amount, 1)::DOUBLE AS high_share,
    row_number() OVER (
        ORDER BY list_position(['over', 'forecast over', 'ok', 'ended over', 'ended', 'upcoming', 'no such scope'], state),
            greatest(spent, coalesce(forecast, 0)) / amount DESC, budget
    )::INTEGER AS place
FROM periods
LEFT JOIN marts.course_summary AS named
    ON periods.scope IN ('course', 'root_course') AND named.course_id::VARCHAR = periods.scope_id
WHERE periods.choice = 1 AND periods.amount > 0
ORDER BY place
