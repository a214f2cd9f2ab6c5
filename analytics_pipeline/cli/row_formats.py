"""Rows of a query as CSV, JSON, Markdown, vertical text or Parquet.

Removes control characters for a terminal.
"""

import csv
import json
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import duckdb

from analytics_pipeline.cli.tables import drawn, one_line, plain, printable
from analytics_pipeline.storage.atomic_write import replacing


class Format(StrEnum):
    """Output format of rows."""

    TABLE = "table"
    VERTICAL = "vertical"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


FOR_PEOPLE = {Format.TABLE, Format.VERTICAL, Format.MARKDOWN}
"""Formats with a default limit of rows."""

Rows = Sequence[Sequence[Any]]
_WIDE = 160  # columns of a table in a file


def write(
    shown_as: Format, columns: Sequence[str], rows: Rows, stream: TextIO, *, for_terminal: bool
) -> None:
    """Write rows as text to a stream, in any format but Parquet."""
    if shown_as is Format.CSV:
        _csv(columns, rows, stream, for_terminal=for_terminal)
    elif shown_as is Format.JSON:
        # Decimals and times are strings, as readers parse JSON numbers as floats.
        records = [dict(zip(columns, map(_for_json, row), strict=True)) for row in rows]
        stream.write(json.dumps(records, default=plain, ensure_ascii=for_terminal) + "\n")
    elif shown_as is Format.MARKDOWN:
        _markdown(columns, rows, stream)
    elif shown_as is Format.VERTICAL:
        _vertical(columns, rows, stream)
    else:
        from rich.console import Console

        drawing = drawn("", columns, [[plain(cell) for cell in row] for row in rows], (), _WIDE)
        Console(file=stream, width=_WIDE, highlight=False).print(drawing, crop=False)


def repeated(columns: Sequence[str]) -> list[str]:
    """Return names of several columns: a JSON object would hold only the last of each."""
    return [name for name, number in Counter(columns).items() if number > 1]


def _for_json(value: Any) -> Any:
    """Return a value with None for NaN and infinity, which JSON lacks, and with keys as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_for_json(part) for part in value]
    if isinstance(value, dict):
        return {plain(name): _for_json(part) for name, part in value.items()}
    return value


def write_parquet(result: duckdb.DuckDBPyConnection, target: Path, row_limit: int | None) -> int:
    """Write a query's rows to a Parquet file (ZSTD) in batches; return the number of rows.

    Args:
        result: a connection on which the query was executed.
        target: file to replace.
        row_limit: maximum number of rows; None for all.
    """
    import pyarrow as pa  # takes a quarter of a second
    import pyarrow.parquet as parquet

    reader = result.to_arrow_reader(100_000)
    written = 0
    with (
        replacing(target.absolute()) as fresh,
        parquet.ParquetWriter(fresh, reader.schema, compression="zstd") as file,
    ):
        for batch in reader:
            part = batch if row_limit is None else batch.slice(0, row_limit - written)
            file.write_table(pa.Table.from_batches([part]))
            written += part.num_rows
            if written == row_limit:
                break
    return written


def _csv(columns: Sequence[str], rows: Rows, stream: TextIO, *, for_terminal: bool) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    # Programs get names and cells unchanged; for a terminal, control characters are replaced.
    as_shown = printable if for_terminal else str
    writer.writerow(map(as_shown, columns))
    writer.writerows([as_shown(plain(cell)) for cell in row] for row in rows)


def _markdown(columns: Sequence[str], rows: Rows, stream: TextIO) -> None:
    numeric = [
        bool(rows) and all(isinstance(row[at], int | float | Decimal) for row in rows)
        for at in range(len(columns))
    ]
    stream.write(_piped(columns))
    stream.write("|" + "|".join("---:" if number else "---" for number in numeric) + "|\n")
    for row in rows:
        stream.write(_piped([plain(cell) for cell in row]))


def _piped(cells: Sequence[str]) -> str:
    escaped = (
        printable(cell).replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")
        for cell in cells
    )
    return f"| {' | '.join(escaped)} |\n"


def _vertical(columns: Sequence[str], rows: Rows, stream: TextIO) -> None:
    """Write one line per cell, for rows with many columns."""
    names = [one_line(name) for name in columns]
    width = max(map(len, names), default=0)
    for number, row in enumerate(rows, 1):
        stream.write(f"-- row {number} --\n")
        for name, cell in zip(names, row, strict=True):
            stream.write(f"{name:<{width}}  {one_line(plain(cell))}\n")
