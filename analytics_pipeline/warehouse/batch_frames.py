"""A batch as the frames that `load.py` joins in SQL: its files, and their findings."""

from datetime import datetime

import polars as pl

from analytics_pipeline.ingest.batch import Batch, FileResult
from analytics_pipeline.ingest.csv.typing_query import FILE


def files_frame(batch: Batch, now: datetime, run_id: str) -> pl.DataFrame:
    """Return one row per file: its version, its counts, and its failure if it has one."""

    def row(index: int, result: FileResult) -> dict[str, object]:
        delivery, failure = result.landed.delivery, result.failure
        return {
            FILE: index,
            "dataset": delivery.dataset.name,
            "partition": delivery.partition.key,
            "source_key": delivery.key,
            "etag": delivery.etag,
            "size": delivery.size,
            "last_modified": delivery.last_modified.replace(tzinfo=None),
            "period": delivery.partition.start,
            "records": result.records,
            "rows": result.rows,
            "rejects": result.rejects,
            "erased": result.erased,
            "warnings": result.warnings,
            "failed": failure is not None,
            "reason": failure and failure.reason,
            "remedy": failure and failure.remedy,
            "line": failure and failure.line,
            "written_at": now,
            "run_id": run_id,
        }

    overrides = {"period": pl.Date, "reason": pl.String, "remedy": pl.String, "line": pl.Int64}
    return pl.DataFrame(
        [row(index, result) for index, result in enumerate(batch.files)], schema_overrides=overrides
    )


def findings_frame(batch: Batch) -> pl.DataFrame:
    """Return one row per finding, with the index of its file."""
    schema = pl.Schema(
        {
            FILE: pl.Int64,
            "column": pl.String,
            "reason": pl.String,
            "is_error": pl.Boolean,
            "count": pl.Int64,
            "lines": pl.List(pl.Int64),
        }  # type: ignore[arg-type]  # a list of a type is a data type too
    )
    rows = [
        (index, finding.column, finding.reason, finding.error, finding.count, list(finding.lines))
        for index, result in enumerate(batch.files)
        for finding in result.findings
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")
