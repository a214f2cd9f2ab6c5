"""Why records are quarantined or loaded with a warning: file, line, column, rule and remedy.

Never a record's value; the records themselves are in `quarantine.rejects`.
"""

from dataclasses import dataclass

import duckdb

from analytics_pipeline.ingest.remedies import remedy

LINES_SHOWN = 5


@dataclass(frozen=True)
class FileFinding:
    """A rule that records of one file break, or that rejects the whole file.

    Attributes:
        lines: lines of the first few records.
        records: number of records; 0 for a rule about the whole file.
        outcome: `loaded`, `quarantined`, or `not loaded` (this version failed, the previous rows
            stay).
    """

    dataset: str
    partition: str
    source_key: str
    column: str
    reason: str
    outcome: str
    records: int
    lines: tuple[int, ...]
    remedy: str


_FINDINGS = """
WITH found AS (
    SELECT
        0 AS part, dataset, partition, source_key, '*' AS "column", reason,
        'not loaded' AS outcome, 0 AS records,
        CASE WHEN line IS NULL THEN [] ELSE [line] END AS lines, remedy
    FROM ops.failed_files
    UNION ALL
    SELECT
        1, rejects.dataset, rejects.partition, rejects.source_key, broken.column,
        broken.reason, 'not loaded', count(*),
        list(rejects.line ORDER BY rejects.line)[:$shown], NULL
    FROM (SELECT *, unnest(reasons) AS broken FROM quarantine.rejects) AS rejects
    JOIN ops.failed_files AS failed
        ON (failed.dataset, failed.partition, failed.etag)
            = (rejects.dataset, rejects.partition, rejects.etag)
    GROUP BY ALL
    UNION ALL
    SELECT
        CASE WHEN is_error THEN 2 ELSE 3 END, dataset, partition, source_key, "column", reason,
        CASE WHEN is_error THEN 'quarantined' ELSE 'loaded' END, count, lines, NULL
    FROM ops.findings
)
SELECT dataset, partition, source_key, "column", reason, outcome, records, lines, remedy
FROM found
WHERE (dataset = $dataset OR $dataset IS NULL)
AND (contains(source_key, $file) OR $file IS NULL)
AND (outcome = 'loaded' OR NOT $warnings)
ORDER BY part, dataset, partition DESC, records DESC, "column", reason
"""


def file_findings(
    connection: duckdb.DuckDBPyConnection,
    dataset: str | None,
    file: str | None,
    *,
    warnings: bool,
) -> list[FileFinding]:
    """Return the findings: failed files first, then quarantined records, then warnings.

    Args:
        connection: the live warehouse.
        dataset: only this dataset; None for all.
        file: only files whose key contains this text; None for all.
        warnings: only records that loaded with a warning.
    """
    rows = connection.execute(
        _FINDINGS,
        {"dataset": dataset, "file": file, "warnings": warnings, "shown": LINES_SHOWN},
    ).fetchall()
    return [
        FileFinding(
            *row[:7],
            tuple(row[7]),
            row[8] or remedy(row[0], row[4], is_error=row[5] != "loaded"),  # type: ignore[call-arg]
        )
        for row in rows
    ]
