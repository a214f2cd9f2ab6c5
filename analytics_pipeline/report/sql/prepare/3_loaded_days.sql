-- The loaded days up to the end of each period, newest first, and how many of them a change compares with the same number before. A
-- day's spend is loaded if the day is complete in marts.spend_calendar.
CREATE OR REPLACE TEMP TABLE loaded_days AS
WITH
counted AS (
    SELECT 'sessions' AS what, period AS day FROM marts.data_completeness WHERE dataset = 'lab_sessions' AND loaded
    UNION ALL
    SELECT 'spend', day FROM marts.spend_calendar WHERE is_complete
)
SELECT
    ends.what, ends.since, ends.until, counted.day,
    row_number() OVER (PARTITION BY ends.what, ends.since, ends.until ORDER BY counted.day DESC) AS place,
    count(*) FILTER (counted.day >= ends.since) OVER (PARTITION BY ends.what, ends.since, ends.until) AS within,
    least(within, count(*) OVER (PARTITION BY ends.what, ends.since, ends.until) // 2) AS compared
FROM (SELECT DISTINCT what, since, until FROM windows) AS ends
JOIN counted ON counted.what = ends.what AND counted.day <= ends.until;
