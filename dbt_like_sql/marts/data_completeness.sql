-- Which days and months of each dataset are there: every one between its first and its last delivered. Datasets that Vocareum
-- overwrites in place (grades, enrollment, mappings) have no periods and are not listed.
WITH
files AS (
    SELECT dataset, partition, period, last_modified, true AS loaded, rows, rejects FROM ops.loaded_files
    UNION ALL
    SELECT dataset, partition, period, last_modified, false, NULL, rejects FROM ops.failed_files
),
delivered AS (
    SELECT
        dataset,
        period,
        length(min(partition)) = 7 AS is_monthly, -- 2026-01, not 2026-01-09
        bool_or(loaded) AS loaded,
        bool_or(NOT loaded) AS newest_failed,
        max(rows) AS rows,
        coalesce(max(rejects) FILTER (loaded), max(rejects)) AS rejects,
        max(last_modified) AS last_modified
    FROM files
    WHERE period IS NOT NULL
    GROUP BY dataset, period
),
expected AS (
    SELECT
        dataset,
        is_monthly,
        unnest(generate_series(
            min(period)::TIMESTAMP, max(period)::TIMESTAMP, CASE WHEN is_monthly THEN INTERVAL 1 MONTH ELSE INTERVAL 1 DAY END
        ))::DATE AS period
    FROM delivered
    GROUP BY dataset, is_monthly
)
SELECT
    expected.dataset, -- Name of the dataset.
    expected.period, -- The UTC day, or the first day of the month.
    delivered.period IS NOT NULL AS delivered, -- Whether Vocareum delivered a file.
    coalesce(delivered.loaded, false) AS loaded, -- Whether a version of it is loaded.
    coalesce(delivered.newest_failed, false) AS newest_failed, -- Whether its newest version could not be loaded; what an older version brought is still there.
    delivered.rows, -- Rows loaded; NULL if nothing is.
    delivered.rejects, -- Records in quarantine.
    delivered.last_modified, -- When Vocareum wrote its newest version (UTC).
    delivered.last_modified > expected.period
        + CASE WHEN expected.is_monthly THEN INTERVAL 1 MONTH ELSE INTERVAL 1 DAY END
        + INTERVAL 2 DAY AS late -- Whether the newest version was written more than a day after it was due, which is by the end of the day that follows the period; NULL if none was delivered.
FROM expected
LEFT JOIN delivered ON delivered.dataset = expected.dataset AND delivered.period = expected.period
