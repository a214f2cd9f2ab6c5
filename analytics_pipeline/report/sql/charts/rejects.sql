WITH broken AS (
    SELECT dataset, "column" || ': ' || reason AS reason, sum(count)::BIGINT AS records, count(DISTINCT partition) AS files
    FROM ops.findings
    WHERE is_error
    GROUP BY ALL
)
SELECT *, row_number() OVER (ORDER BY records DESC, dataset, reason)::INTEGER AS place
FROM broken
QUALIFY place <= 12
ORDER BY place
