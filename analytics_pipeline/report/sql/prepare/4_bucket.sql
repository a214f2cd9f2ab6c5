CREATE OR REPLACE TEMP MACRO bucket(day) AS
    CASE WHEN (SELECT is_weekly FROM span) THEN date_trunc('week', day)::DATE ELSE day END;
