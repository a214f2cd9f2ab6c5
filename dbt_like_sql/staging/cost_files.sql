-- The days of the files of aws_cost and azure_cost that show what was spent. A file with only its header counts, too: a series that begins
-- later had spent nothing by then. A file does not count if all of its rows were rejected or erased, as it shows nothing.
SELECT
    'aws' AS provider, -- aws or azure.
    file_date AS day -- UTC day that the file covers.
FROM staging.aws_cost
UNION
SELECT 'azure', spend_date
FROM staging.azure_cost
UNION
SELECT split_part(dataset, '_', 1), period
FROM ops.loaded_files
WHERE dataset IN ('aws_cost', 'azure_cost') AND rows = 0 AND rejects = 0 AND coalesce(erased, 0) = 0
