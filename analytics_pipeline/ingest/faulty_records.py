"""Records that break a rule: their lines, their raw text, and what is reported about them."""

from collections import Counter

import polars as pl

from analytics_pipeline.ingest.batch import REJECTS, FileResult, Finding
from analytics_pipeline.ingest.csv.line_lookup import LINES, lines_of_rows
from analytics_pipeline.ingest.csv.read_files import Damaged
from analytics_pipeline.ingest.csv.typing_query import FILE
from analytics_pipeline.ingest.quarantine_limit import KEPT_OF_A_FAILED_FILE
from analytics_pipeline.ingest.validate import WHOLE_ROW

_LINES_SHOWN = 5


def locate_rows(
    results: list[FileResult],
    rows: pl.DataFrame,
    issues: pl.DataFrame,
    known: dict[int, pl.DataFrame],
) -> pl.DataFrame:
    """Return line and raw text of the rows to show or keep: `row`, FILE, `line`, `raw`.

    Args:
        results: the files' results; a row's FILE is an index into them.
        rows: all rows that were read; `row` is a position among them.
        issues: broken rules by row, with their FILE.
        known: lines and raw texts by file, where the reader has kept them.
    """
    first_row = dict(rows.with_row_index("row").group_by(FILE).agg(pl.col("row").min()).iter_rows())
    located = [
        pl.DataFrame(schema={"row": pl.UInt32, FILE: pl.Int64, "line": pl.Int64, "raw": pl.String})
    ]
    for (index,), group in _rows_to_locate(results, issues).group_by(FILE):
        ordinals = (group["row"].cast(pl.Int64) - first_row[index]).to_list()
        if index in known:
            lines = (
                known[index]
                .with_row_index("ordinal")
                .filter(pl.col("ordinal").is_in(ordinals))
                .cast(LINES)
            )
        else:
            lines = lines_of_rows(results[index].landed.path, ordinals, results[index].records)
        row = (pl.col("ordinal") + first_row[index]).cast(pl.UInt32).alias("row")
        located.append(lines.select(row, pl.lit(index, pl.Int64).alias(FILE), "line", "raw"))
    return pl.concat(located)


def _rows_to_locate(results: list[FileResult], issues: pl.DataFrame) -> pl.DataFrame:
    """Return each row to keep in quarantine, and the first rows that break each rule."""
    failed = [index for index, result in enumerate(results) if result.failure]
    rejected = issues.filter("error").unique("row", maintain_order=True)
    of_failed_files = rejected.filter(pl.col(FILE).is_in(failed)).group_by(FILE)
    shown = issues.group_by(FILE, "column", "reason", "error").head(_LINES_SHOWN)
    return pl.concat(
        [
            rejected.filter(~pl.col(FILE).is_in(failed)),
            of_failed_files.head(KEPT_OF_A_FAILED_FILE).select(rejected.columns),
            shown.select(rejected.columns),
        ]
    ).unique("row")


def add_findings(
    results: list[FileResult], issues: pl.DataFrame, damaged: list[Damaged], lines: pl.DataFrame
) -> None:
    """Add to each file's result which rules its records break, how often, and on which first lines.

    Args:
        results: the files' results, to which findings are added.
        issues: broken rules by row, with their FILE.
        damaged: records that could not be read.
        lines: lines of rows, as `locate_rows` returns them.
    """
    grouped = (
        issues.join(lines.select("row", "line"), on="row", how="left")
        .group_by(FILE, "column", "reason", "error", maintain_order=True)
        .agg(pl.len(), pl.col("line").drop_nulls().sort().head(_LINES_SHOWN))
    )
    for index, column, reason, error, count, first in grouped.iter_rows():
        results[index].findings.append(Finding(column, reason, error, count, tuple(first)))
    faults: dict[tuple[int, str], list[int]] = {}
    for record in damaged:
        faults.setdefault((record.file, record.reason), []).append(record.line)
    for (index, reason), where in faults.items():
        results[index].findings.append(
            Finding(WHOLE_ROW, reason, True, len(where), tuple(where[:_LINES_SHOWN]))
        )


def rejected_rows(issues: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the located rows that break a rule, as rejects with the columns of REJECTS."""
    reasons = (
        issues.filter("error")
        .group_by("row", maintain_order=True)
        .agg(pl.struct("column", "reason").alias("reasons"))
    )
    return reasons.join(lines, on="row").sort("row").select(REJECTS.names()).cast(REJECTS)


def damaged_records(damaged: list[Damaged], results: list[FileResult]) -> pl.DataFrame:
    """Return the records that could not be read, as rejects; of a failed file only the first."""
    kept: Counter[int] = Counter()
    records = []
    for record in damaged:
        kept[record.file] += 1
        if results[record.file].failure is None or kept[record.file] <= KEPT_OF_A_FAILED_FILE:
            reasons = [{"column": WHOLE_ROW, "reason": record.reason}]
            records.append((record.file, record.line, record.raw, reasons))
    return pl.DataFrame(records, schema=REJECTS, orient="row")
