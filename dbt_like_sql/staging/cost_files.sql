-- The days of files of aws_cost and azure_cost that tell what was spent. A file with only its header counts, too: a series that begins
-- later had spent nothing by its day. One of which every row was rejected, or erased, tells nothing.
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
