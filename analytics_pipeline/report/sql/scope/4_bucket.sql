-- A long history is drawn week by week: all of it in `weekly_bucket`, all but its newest days in `bucket`.
CREATE OR REPLACE TEMP MACRO weekly_bucket(day) AS
    CASE WHEN (SELECT is_weekly FROM span) THEN date_trunc('week', day)::DATE ELSE day END;

CREATE OR REPLACE TEMP MACRO bucket(day) AS
    CASE WHEN day < (SELECT daily_from FROM span) THEN date_trunc('week', day)::DATE ELSE day END;
