SELECT dataset, strftime(max(period), '%Y-%m-%d') AS newest, max(last_modified) AS written, count(*) AS files, sum(rows)::BIGINT AS rows,
    coalesce(max(length(partition)) = 10 AND max(period) IS NOT NULL, false) AS is_daily -- 2026-01-09, not 2026-01
FROM ops.loaded_files
GROUP BY dataset
ORDER BY dataset
