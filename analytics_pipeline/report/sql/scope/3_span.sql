CREATE OR REPLACE TEMP TABLE span AS
SELECT
    min(day) AS first_day,
    max(day) AS last_day,
    max(day) FILTER (what = 'spend') AS last_spend,
    max(day) FILTER (what = 'sessions') AS last_session,
    coalesce(date_diff('day', min(day), max(day)) >= getvariable('most_days'), false) AS is_weekly,
    CASE WHEN is_weekly THEN date_trunc('week', last_day - getvariable('daily_days')::INTEGER)::DATE ELSE min(day) END AS daily_from
FROM (
    -- Use the files' days: a file may list nobody, or a month ahead, and a session's own time may be a clock error.
    SELECT CASE dataset WHEN 'lab_sessions' THEN 'sessions' ELSE 'spend' END AS what, period AS day
    FROM marts.data_completeness
    WHERE dataset IN ('aws_cost', 'azure_cost', 'lab_sessions') AND loaded
);
