-- Each file has as many rows in its raw table as the ledger says.
-- If it fails, something other than the pipeline wrote to the warehouse: load the files that are returned again.
WITH
held AS (
    SELECT 'lab_sessions' AS dataset, _source_key AS source_key, count(*) AS rows FROM raw.lab_sessions GROUP BY _source_key
    UNION ALL
    SELECT 'aws_cost', _source_key, count(*) FROM raw.aws_cost GROUP BY _source_key
    UNION ALL
    SELECT 'azure_cost', _source_key, count(*) FROM raw.azure_cost GROUP BY _source_key
    UNION ALL
    SELECT 'service_spend', _source_key, count(*) FROM raw.service_spend GROUP BY _source_key
    UNION ALL
    SELECT 'grades', _source_key, count(*) FROM raw.grades GROUP BY _source_key
    UNION ALL
    SELECT 'enrollment', _source_key, count(*) FROM raw.enrollment GROUP BY _source_key
    UNION ALL
    SELECT 'course_mapping', _source_key, count(*) FROM raw.course_mapping GROUP BY _source_key
    UNION ALL
    SELECT 'asn_mapping', _source_key, count(*) FROM raw.asn_mapping GROUP BY _source_key
)
SELECT
    coalesce(ledger.dataset, held.dataset) AS dataset,
    coalesce(ledger.source_key, held.source_key) AS source_key,
    ledger.rows AS expected,
    held.rows AS found
FROM ops.loaded_files AS ledger
FULL JOIN held ON held.dataset = ledger.dataset AND held.source_key = ledger.source_key
WHERE coalesce(ledger.rows, 0) <> coalesce(held.rows, 0)
