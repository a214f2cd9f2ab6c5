-- The days of the files of aws_cost and azure_cost that show what was spent. A file with only its header counts, too: a series that begins
-- later had spent nothing by then. A file does not count if all of its rows were rejected or erased, as it shows nothing.
-- A rejected record may be of any series. If every earlier file has more of them than a file, a series that begins in this file may have
-- been among them each time. An earlier file with no more of them (say one line that is rejected every day) is taken to have listed every
-- series.
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
    CASE WHEN min(rejects) OVER earlier <= rejects THEN max(day) OVER earlier END AS previous_day -- Day of the previous file; NULL if no earlier file shows what a series that begins in this one had spent before.
FROM files
WINDOW earlier AS (PARTITION BY provider ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
