"""Find line number and raw text of rows that DuckDB read.

DuckDB gives no line numbers for accepted rows. Only files with something to report are read a
second time.
"""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from analytics_pipeline.ingest.csv.tolerant_reader import Record, read_records

LINES = pl.Schema({"ordinal": pl.Int64, "line": pl.Int64, "raw": pl.String})


def lines_of_rows(path: Path, ordinals: Collection[int], records: int) -> pl.DataFrame:
    """Find rows by their position among the file's records.

    Args:
        path: a file that DuckDB read without a reject.
        ordinals: positions; 0 is the first record after the header.
        records: number of records that DuckDB read.

    Returns:
        A frame with the columns of LINES, one row per ordinal.
    """
    selected = frozenset(ordinals)
    lines = _one_line_each(path, selected, records)
    if lines is None:
        lines = [
            (ordinal, record.line, record.raw)
            for ordinal, record in _records(path)
            if ordinal in selected
        ]
    return pl.DataFrame(lines, schema=LINES, orient="row")


def _one_line_each(
    path: Path, selected: frozenset[int], records: int
) -> list[tuple[int, int, str]] | None:
    """Find the rows quickly if every record is one line and no CR stands alone; else None."""
    lines, number = [], 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if b"\r" in raw[:-2]:
                return None
            if number - 2 in selected:
                lines.append(
                    (number - 2, number, raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace"))
                )
    return lines if number == records + 1 else None


def _records(path: Path) -> enumerate[Record]:
    records = read_records(path)
    next(records)
    return enumerate(records)
