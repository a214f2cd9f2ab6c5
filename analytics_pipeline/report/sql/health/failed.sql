SELECT dataset, count(*) AS files, min(failed_since) AS since
FROM ops.failed_files
GROUP BY dataset
ORDER BY dataset
