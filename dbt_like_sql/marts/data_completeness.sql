-- Every day or month of each dataset between its first and its last delivered one. Datasets that Vocareum overwrites in place (grades,
-- enrollment, mappings) have no periods and are not listed.
-- Lateness is judged by when a file was first seen: a later version, or the timestamp in a copied bucket, says nothing about the first
-- delivery. For files that existed before the dataset's first load, lateness is unknown.
WITH
files AS (
    SELECT dataset, partition, period, last_modified, loaded_at AS seen, true AS loaded, rows, rejects FROM ops.loaded_files
    UNION ALL
    SELECT dataset, partition, period, last_modified, failed_since, false, NULL, rejects FROM ops.failed_files
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
-- A warehouse of an earlier release has no arrivals: use the loaded version.
seen AS (
    SELECT
        files.dataset, files.period,
        min(coalesce(arrivals.first_written, files.last_modified)) AS first_written,
        min(coalesce(arrivals.first_seen, files.seen)) AS first_seen
    FROM files
    LEFT JOIN ops.arrivals AS arrivals ON arrivals.dataset = files.dataset AND arrivals.partition = files.partition
    WHERE files.period IS NOT NULL
    GROUP BY files.dataset, files.period
),
watched AS (SELECT dataset, min(first_seen) AS since FROM seen GROUP BY dataset),
periods AS (
    SELECT
        dataset,
        is_monthly,
        unnest(generate_series(
            min(period)::TIMESTAMP, max(period)::TIMESTAMP, CASE WHEN is_monthly THEN INTERVAL 1 MONTH ELSE INTERVAL 1 DAY END
        ))::DATE AS period
    FROM delivered
    GROUP BY dataset, is_monthly
),
expected AS (
    SELECT
        dataset,
        period,
        period + CASE WHEN is_monthly THEN INTERVAL 1 MONTH ELSE INTERVAL 1 DAY END + INTERVAL 2 DAY AS due
    FROM periods
)
SELECT
    expected.dataset, -- Name of the dataset.
    expected.period, -- UTC day, or first day of the month.
    delivered.period IS NOT NULL AS delivered, -- Whether Vocareum delivered a file.
    coalesce(delivered.loaded, false) AS loaded, -- Whether a version of the file is loaded.
    coalesce(delivered.newest_failed, false) AS newest_failed, -- Whether its newest version could not be loaded; the rows of an older version are still there.
    delivered.rows, -- Rows loaded; NULL if none is.
    delivered.rejects, -- Records in quarantine.
    delivered.last_modified, -- When Vocareum wrote its newest version (UTC).
    seen.first_written, -- When Vocareum wrote the first version seen (UTC).
    seen.first_seen, -- When that version was loaded, or failed (UTC).
    CASE
        WHEN seen.first_written <= expected.due OR seen.first_seen <= expected.due THEN false
        WHEN seen.first_seen > expected.due AND watched.since <= expected.due THEN true
    END AS late -- Whether the first version came more than a day after it was due (the end of the day after the period). NULL if none was delivered, or if loads of the dataset began later, so that nobody saw it arrive.
FROM expected
LEFT JOIN delivered ON delivered.dataset = expected.dataset AND delivered.period = expected.period
LEFT JOIN seen ON seen.dataset = expected.dataset AND seen.period = expected.period
LEFT JOIN watched ON watched.dataset = expected.dataset
