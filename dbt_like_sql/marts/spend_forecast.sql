-- Forecast of each scope's spend at the end of the month, of its term, and of the current period of each of its budgets. A day's
-- forecast is the mean of the run rate of the last seven days and the mean of the same weekday in the last eight weeks. Nothing is expected
-- of a course after the end that its label declares; one without a declared end is expected to go on. Uses only complete days
-- (marts.spend_calendar). The band is the 80 % quantile of the method's own past errors at the same distance (rolling origins).
-- benchmarks/forecast.py measures method and band over several organisations.
WITH
now AS MATERIALIZED (SELECT max(as_of) AS day FROM marts.spend_calendar),
scopes AS MATERIALIZED (
    SELECT spent.scope, spent.scope_id, greatest(min(spent.day), any_value(now.day) - 400) AS first_day
    FROM staging.scope_spend_days AS spent
    JOIN now ON now.day >= spent.day
    GROUP BY spent.scope, spent.scope_id
),
-- The courses of a scope that end on the same day are forecast together.
endings AS MATERIALIZED (
    SELECT scopes.*, spent.until, row_number() OVER (ORDER BY scopes.scope, scopes.scope_id, spent.until) AS ending
    FROM (SELECT DISTINCT scope, scope_id, until FROM staging.scope_spend_days) AS spent
    JOIN scopes ON scopes.scope = spent.scope AND scopes.scope_id = spent.scope_id
),
grid AS (
    SELECT
        endings.ending, calendar.day, calendar.is_complete, coalesce(spent.cost, 0) AS cost,
        row_number() OVER (PARTITION BY endings.ending ORDER BY calendar.day) AS age
    FROM endings
    CROSS JOIN now
    JOIN marts.spend_calendar AS calendar ON calendar.day BETWEEN endings.first_day AND now.day
    LEFT JOIN staging.scope_spend_days AS spent
        ON spent.scope = endings.scope AND spent.scope_id = endings.scope_id AND spent.until IS NOT DISTINCT FROM endings.until
        AND spent.day = calendar.day
),
rates AS (
    SELECT
        *,
        (sum(cost) FILTER (is_complete) OVER week)::DOUBLE / nullif(count(*) FILTER (is_complete) OVER week, 0) AS per_day,
        (sum(cost) FILTER (is_complete) OVER weekdays)::DOUBLE
        / nullif(count(*) FILTER (is_complete) OVER weekdays, 0) AS per_weekday
    FROM grid
    WINDOW
        week AS (PARTITION BY ending ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW),
        weekdays AS (PARTITION BY ending, dayofweek(day) ORDER BY day ROWS BETWEEN 7 PRECEDING AND CURRENT ROW)
),
-- With running totals, the forecast of any number of days is a difference of two rows. Rows are numbered for the joins:
-- joined by ending and day, DuckDB's optimizer would first join all days of an ending with each other.
totals AS (
    SELECT
        ending, day, is_complete, age, per_day,
        row_number() OVER (ORDER BY ending, day) AS place,
        (sum(cost) OVER so_far)::DOUBLE AS spent,
        sum(coalesce(per_weekday, per_day, 0)) OVER so_far AS by_weekday,
        list(coalesce(per_weekday, per_day, 0)) OVER (
            PARTITION BY ending ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW
        ) AS weekdays
    FROM rates
    WINDOW so_far AS (PARTITION BY ending ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
running AS MATERIALIZED (
    SELECT *, lag(by_weekday, 7) OVER (PARTITION BY ending ORDER BY day) AS week_before FROM totals
),
terms AS (
    SELECT members.scope, members.scope_id, min(courses.starts_on) AS starts_on, max(courses.ends_on) AS ends_on
    FROM staging.scope_courses AS members
    JOIN marts.course_terms AS courses ON courses.course_id = members.course_id
    CROSS JOIN now
    WHERE courses.end_is_known AND now.day BETWEEN courses.starts_on AND courses.ends_on
    GROUP BY members.scope, members.scope_id
),
targets AS (
    SELECT scope, scope_id, 'month end' AS horizon, date_trunc('month', now.day)::DATE AS starts_on, last_day(now.day) AS ends_on
    FROM scopes
    CROSS JOIN now
    UNION ALL
    SELECT scope, scope_id, 'term end', starts_on, ends_on FROM terms
    UNION
    SELECT scope, scope_id, 'budget end', starts_on, ends_on
    FROM staging.budget_periods
    CROSS JOIN now
    WHERE now.day BETWEEN starts_on AND ends_on
),
asked AS MATERIALIZED (
    SELECT targets.*, now.day AS as_of, (targets.ends_on - now.day)::BIGINT AS days_left
    FROM targets
    CROSS JOIN now
),
-- Forecasts as of each past day, and the actual spend.
past AS MATERIALIZED (
    SELECT
        asked.scope, asked.scope_id, asked.horizon, asked.starts_on, asked.ends_on,
        origin.day, origin.per_day, origin.by_weekday, origin.week_before, origin.spent,
        greatest(0, least(asked.days_left, endings.until - origin.day)) AS days_expected, -- least() ignores NULL
        origin.place - 7 + days_expected % 7 AS part_of_week,
        origin.place + asked.days_left AS later
    FROM asked
    JOIN endings ON endings.scope = asked.scope AND endings.scope_id = asked.scope_id
    JOIN running AS origin ON origin.ending = endings.ending
    WHERE
        asked.days_left > 0 AND origin.age >= 14 AND origin.is_complete
        AND origin.day + asked.days_left::INTEGER <= asked.as_of
),
origins AS (
    SELECT
        past.scope, past.scope_id, past.horizon, past.starts_on, past.ends_on,
        sum(
            past.days_expected * past.per_day
            + (past.days_expected // 7) * (past.by_weekday - past.week_before)
            + part.by_weekday - past.week_before
        ) / 2 AS expected,
        sum(later.spent - past.spent) AS actual
    FROM past
    JOIN running AS part ON part.place = past.part_of_week
    JOIN running AS later ON later.place = past.later
    WHERE later.is_complete
    GROUP BY past.scope, past.scope_id, past.horizon, past.starts_on, past.ends_on, past.day
),
errors AS (
    SELECT
        scope, scope_id, horizon, starts_on, ends_on,
        count(*) AS origins,
        sum(abs(expected - actual)) / nullif(sum(actual), 0) AS error,
        quantile_cont(abs(actual - expected) / expected, 0.8) FILTER (expected > 0) AS spread,
        count(*) FILTER (expected > 0) AS comparable
    FROM origins
    GROUP BY ALL
),
period_spend AS (
    SELECT asked.scope, asked.scope_id, asked.horizon, asked.starts_on, asked.ends_on, sum(spent.cost) AS spent
    FROM asked
    JOIN staging.scope_spend_days AS spent
        ON spent.scope = asked.scope AND spent.scope_id = asked.scope_id
        AND spent.day BETWEEN asked.starts_on AND asked.as_of
    GROUP BY ALL
),
-- The next seven days. Later days repeat their weekdays.
today AS (
    SELECT endings.scope, endings.scope_id, endings.until, [(running.per_day + weekday) / 2 FOR weekday IN running.weekdays] AS next_week
    FROM running
    JOIN endings ON endings.ending = running.ending
    CROSS JOIN now
    WHERE running.day = now.day AND running.age >= 7
),
coming AS (
    SELECT
        asked.scope, asked.scope_id, asked.horizon, asked.starts_on, asked.ends_on, today.until, today.next_week,
        greatest(0, least(asked.days_left, today.until - asked.as_of)) AS days_expected
    FROM asked
    JOIN today ON today.scope = asked.scope AND today.scope_id = asked.scope_id
),
expectations AS (
    SELECT
        scope, scope_id, horizon, starts_on, ends_on,
        sum((days_expected // 7) * list_sum(next_week) + coalesce(list_sum(next_week[1:(days_expected % 7)]), 0)) AS expected,
        list(
            struct_pack(until := until, next_week := [round(cost, 6)::DECIMAL(38, 6) FOR cost IN next_week]) ORDER BY until
        ) AS weeks
    FROM coming
    GROUP BY ALL
),
forecasts AS (
    SELECT
        asked.*,
        expectations.weeks,
        coalesce(period_spend.spent, 0) AS spent,
        expectations.expected,
        errors.origins,
        errors.error,
        CASE WHEN errors.comparable >= 8 THEN errors.spread END AS spread
    FROM asked
    LEFT JOIN expectations
        ON expectations.scope = asked.scope AND expectations.scope_id = asked.scope_id
        AND expectations.horizon = asked.horizon AND expectations.starts_on = asked.starts_on
        AND expectations.ends_on = asked.ends_on
    LEFT JOIN period_spend
        ON period_spend.scope = asked.scope AND period_spend.scope_id = asked.scope_id
        AND period_spend.horizon = asked.horizon AND period_spend.starts_on = asked.starts_on
        AND period_spend.ends_on = asked.ends_on
    LEFT JOIN errors
        ON errors.scope = asked.scope AND errors.scope_id = asked.scope_id AND errors.horizon = asked.horizon
        AND errors.starts_on = asked.starts_on AND errors.ends_on = asked.ends_on
)
SELECT
    scope, -- organisation, department, course, root_course or term.
    scope_id, -- Course id (-> marts.course_summary, as text), name of the department or term (-> marts.course_terms), or `organisation`.
    horizon, -- month end, term end (of courses that are under way and whose label has an end), or budget end (of a current period in marts.budget_status).
    starts_on, -- First UTC day of the month, term or period.
    ends_on, -- Last UTC day of the month, term or period.
    as_of, -- Newest complete day. Later days are ignored.
    days_left, -- Days after as_of, up to ends_on; 0 on the last day.
    spent::DECIMAL(38, 9) AS spent, -- US dollars from starts_on to as_of, exact, without opening balances.
    round(expected, 6)::DECIMAL(38, 6) AS expected, -- US dollars expected after as_of, up to ends_on; of a course with a declared end, up to that end. NULL until the scope has seven days of spend.
    round(spent::DOUBLE + expected, 6)::DECIMAL(38, 6) AS forecast, -- US dollars expected for the whole period: spent + expected.
    round(spent::DOUBLE + least(expected * if(spread < 1, 1 - spread, spread * 0), expected * (1 + spread)), 6)::DECIMAL(38, 6) AS forecast_low, -- Lower end of the 80 % band. NULL with fewer than eight origins.
    round(spent::DOUBLE + greatest(expected * if(spread < 1, 1 - spread, spread * 0), expected * (1 + spread)), 6)::DECIMAL(38, 6) AS forecast_high, -- Upper end of the 80 % band. NULL with fewer than eight origins.
    round(error * 100, 2)::DECIMAL(38, 2) AS error_percent, -- Past error of the method at this distance: sum of absolute errors, in percent of the actual spend. NULL without origins.
    coalesce(origins, 0) AS origins, -- Number of past days that error_percent uses.
    weeks -- US dollars expected on each of the seven days after as_of (next_week), by the declared end of the courses (until; NULL without one). Later days repeat their weekdays; days after until count nothing. NULL until the scope has seven days of spend.
FROM forecasts
