-- marts.data_completeness has one row per dataset and period.
-- If it fails, the ledger holds a period twice: look at ops.loaded_files and ops.failed_files.
SELECT dataset, period, count(*) AS times
FROM marts.data_completeness
GROUP BY dataset, period
HAVING count(*) > 1
