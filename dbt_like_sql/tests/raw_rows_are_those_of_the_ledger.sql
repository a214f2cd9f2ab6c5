-- Each file has as many rows in its raw table as the ledger records.
-- If it fails, something other than the pipeline wrote to the warehouse: reload the returned files.
SELECT
    coalesce(ledger.dataset, held.dataset) AS dataset,
    coalesce(ledger.source_key, held.source_key) AS source_key,
    ledger.rows AS expected,
    held.rows AS found
FROM ops.loaded_files AS ledger
FULL JOIN ops.raw_rows AS held ON held.dataset = ledger.dataset AND held.source_key = ledger.source_key
WHERE coalesce(ledger.rows, 0) <> coalesce(held.rows, 0)
