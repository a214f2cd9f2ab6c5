"""`analytics-pipeline query`: query the published file from a terminal or a script."""

import csv
import json
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from analytics_pipeline.cli.console import INCOMPLETE, command, err, fail, out, print_info, printable, table
from analytics_pipeline.settings import load_settings

SHOWN = 100
"""Maximum number of rows of a table, without --limit."""
# Reads only the published file: no other file, no network, no extension, and SET can't change that. Without a folder for
# temporary files, which EXPORT, ATTACH and COPY could write to, a query that needs more than the memory fails.
SAFE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "lock_configuration": True,
    "temp_directory": "",
}


class Format(StrEnum):
    """Output format of rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@command
def query(
    sql: Annotated[str, typer.Argument(help='For example "SELECT * FROM marts.course_summary".')],
    shown_as: Annotated[
        Format | None, typer.Option("--format", help="Default: a table on a terminal, else CSV.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"Maximum number of rows. Default: {SHOWN} in a table, else all.")
    ] = None,
) -> None:
    """Query analytics.duckdb with SQL.

    The file is opened read-only. A query cannot read or write any other file.
    """
    shown_as = shown_as or (Format.TABLE if out.is_terminal else Format.CSV)
    most = limit or (SHOWN if shown_as is Format.TABLE else None)
    path = load_settings().published_path
    columns, rows = _ask(path, sql, most)
    err.print(f"{path}", style="dim", markup=False, soft_wrap=True)
    try:
        _SHOW[shown_as](columns, rows if most is None else rows[:most])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if most is not None and len(rows) > most:
        err.print(f"There are more than {most:,} rows: raise --limit to see them.", markup=False)


def _ask(path: Path, sql: str, most: int | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return columns and rows of the result, with one row more than `most` if there are more."""
    if not path.exists():
        fail(
            f"There is no published file at {path} yet. Run `analytics-pipeline sync` or `analytics-pipeline publish`."
        )
    try:
        with duckdb.connect(str(path), read_only=True, config=SAFE) as connection:
            answer = connection.execute(sql)
            if answer is None or not answer.description:
                fail(
                    'There is no statement, or one that returns nothing. Give a query, such as "FROM marts.course_summary".',
                    INCOMPLETE,
                )
            columns = [column[0] for column in answer.description]
            return columns, answer.fetchall() if most is None else answer.fetchmany(most + 1)
    except duckdb.Error as error:
        fail(str(error), INCOMPLETE)


def _as_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table("", columns, [[_plain(cell) for cell in row] for row in rows])
    print_info(f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'}")


def _as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    # A program gets names and cells unchanged; some could control a terminal.
    shown = printable if out.is_terminal else str
    writer.writerow(map(shown, columns))
    writer.writerows([shown(_plain(cell)) for cell in row] for row in rows)


def _as_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print an array of objects. Decimals and times are strings: a JSON number would be read as a float."""
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    typer.echo(json.dumps(records, default=_plain, ensure_ascii=out.is_terminal))


def _plain(cell: object) -> str:
    """Return a value as text: NULL is empty, and a number keeps all digits, without an exponent."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


_SHOW = {Format.TABLE: _as_table, Format.CSV: _as_csv, Format.JSON: _as_json}
