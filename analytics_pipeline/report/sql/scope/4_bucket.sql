-- A long history is drawn per week: `weekly_bucket` has all of it, `bucket` all except the newest days.
CREATE OR REPLACE TEMP MACRO weekly_bucket(day) AS
    CASE WHEN (SELECT is_weekly FROM span) THEN date_trunc('week', day)::DATE ELSE day END;

CREATE OR REPLACE TEMP MACRO bucket(day) AS
    CASE WHEN day < (SELECT daily_from FROM span) THEN date_trunc('week', day)::DATE ELSE day END;
