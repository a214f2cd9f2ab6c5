-- Every day or month in the ledger is listed as loaded with its rows and rejects, and nothing else is; every failed file's as
-- newest_failed. If it fails, marts.data_completeness is older than the ledger (build it again) or misreads it.
(
    SELECT 'ledger' AS side, dataset, period, rows, rejects FROM ops.loaded_files WHERE period IS NOT NULL
    EXCEPT
    SELECT 'ledger', dataset, period, rows, rejects FROM marts.data_completeness WHERE loaded
)
UNION ALL
(
    SELECT 'data_completeness', dataset, period, rows, rejects FROM marts.data_completeness WHERE loaded
    EXCEPT
    SELECT 'data_completeness', dataset, period, rows, rejects FROM ops.loaded_files
)
UNION ALL
(
    SELECT 'failed files', dataset, period, NULL, NULL FROM ops.failed_files WHERE period IS NOT NULL
    EXCEPT
    SELECT 'failed files', dataset, period, NULL, NULL FROM marts.data_completeness WHERE newest_failed
)
