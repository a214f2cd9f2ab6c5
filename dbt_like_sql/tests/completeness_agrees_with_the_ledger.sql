-- marts.data_completeness lists exactly the days and months in the ledger as loaded, with their rows and rejects, and every failed file
-- as newest_failed. If it fails, the mart is older than the ledger (rebuild it) or misreads it.
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
