CREATE OR REPLACE TEMP TABLE span AS
SELECT
    min(day) AS first_day,
    max(day) AS last_day,
    max(day) FILTER (what = 'spend') AS last_spend,
    max(day) FILTER (what = 'sessions') AS last_session,
    coalesce(date_diff('day', min(day), max(day)) >= getvariable('most_days'), false) AS is_weekly,
    CASE WHEN is_weekly THEN date_trunc('week', last_day - getvariable('daily_days')::INTEGER)::DATE ELSE min(day) END AS daily_from
FROM (
    SELECT 'spend' AS what, spend_date AS day FROM marts.daily_cloud_spend
    UNION ALL
    -- Use the files' days, as a session's own time may be a clock error.
    SELECT 'sessions', period FROM marts.data_completeness WHERE dataset = 'lab_sessions' AND loaded
);
