-- staging.lab_session_rows has as many rows of each file's day as raw.lab_sessions.
-- If it fails, look at its SELECT: it must neither filter nor join.
SELECT coalesce(delivered.file_date, found.file_date) AS file_date, delivered.rows AS expected, found.rows AS found
FROM (SELECT file_date, count(*) AS rows FROM raw.lab_sessions GROUP BY file_date) AS delivered
FULL JOIN (SELECT file_date, count(*) AS rows FROM staging.lab_session_rows GROUP BY file_date) AS found
    ON found.file_date = delivered.file_date
WHERE delivered.rows IS DISTINCT FROM found.rows
