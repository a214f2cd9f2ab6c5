-- The days of the files of aws_cost and azure_cost that show what was spent. A file with only its header counts, too: a series that begins
-- later had spent nothing by then. A file does not count if all of its rows were rejected or erased, as it shows nothing.
-- Nobody knows whose a rejected record is. If all earlier files have more of them than a file, each may have listed there a series that
-- begins in this file. If one has as few, such as a line that is rejected every day, it is taken to have listed all.
WITH
shown AS (
    SELECT 'aws' AS provider, file_date AS day FROM staging.aws_cost
    UNION
    SELECT 'azure', spend_date FROM staging.azure_cost
    UNION
    SELECT split_part(dataset, '_', 1), period
    FROM ops.loaded_files
    WHERE dataset IN ('aws_cost', 'azure_cost') AND rows = 0 AND rejects = 0 AND coalesce(erased, 0) = 0
),
files AS (
    SELECT shown.provider, shown.day, coalesce(max(ledger.rejects), 0) AS rejects
    FROM shown
    LEFT JOIN ops.loaded_files AS ledger ON ledger.dataset = shown.provider || '_cost' AND ledger.period = shown.day
    GROUP BY shown.provider, shown.day
)
SELECT
    provider, -- aws or azure.
    day, -- UTC day that the file covers.
    CASE WHEN min(rejects) OVER earlier <= rejects THEN max(day) OVER earlier END AS previous_day -- Day of the previous file; NULL if no earlier file tells what a series that begins in this one had spent before.
FROM files
WINDOW earlier AS (PARTITION BY provider ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
