"""Where a row stands: the line and raw text of rows that DuckDB read, found again in the file.

DuckDB gives no line numbers for rows it accepts; only files with something to report are read a second time.
"""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from analytics_pipeline.ingest.csv.tolerant_reader import Record, read_records

LINES = pl.Schema({"ordinal": pl.Int64, "line": pl.Int64, "raw": pl.String})


def lines_of_rows(path: Path, ordinals: Collection[int], records: int) -> pl.DataFrame:
    """Find rows by their place among the file's records.

    Args:
        path: a file that DuckDB read without a reject.
        ordinals: places, 0 for the first record behind the header.
        records: how many records DuckDB read.

    Returns:
        A frame with the columns of LINES, one row for each ordinal.
    """
    wanted = frozenset(ordinals)
    found = _one_line_each(path, wanted, records)
    if found is None:
        found = [(at, record.line, record.raw) for at, record in _records(path) if at in wanted]
    return pl.DataFrame(found, schema=LINES, orient="row")


def _one_line_each(path: Path, wanted: frozenset[int], records: int) -> list[tuple[int, int, str]] | None:
    """The quick way, right where every record is one line: there are then as many lines as records, and no lone CR."""
    found, number = [], 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if b"\r" in raw[:-2]:
                return None
            if number - 2 in wanted:
                found.append((number - 2, number, raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace")))
    return found if number == records + 1 else None


def _records(path: Path) -> enumerate[Record]:
    records = read_records(path)
    next(records)
    return enumerate(records)
