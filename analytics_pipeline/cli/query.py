"""`analytics-pipeline query`: query the published file from a terminal or a script.

`row_formats.py` prints the rows.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from analytics_pipeline.cli.console import (
    INCOMPLETE,
    err,
    fail,
    out,
    print_hint,
    print_info,
    print_text,
    tabular,
    wants_json,
)
from analytics_pipeline.cli.options import whole_number
from analytics_pipeline.cli.published import current_file
from analytics_pipeline.cli.row_formats import (
    FOR_PEOPLE,
    Format,
    Rows,
    repeated,
    write,
    write_parquet,
)
from analytics_pipeline.cli.tables import drawn, plain
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.words import counted

DEFAULT_LIMIT = 100
"""Maximum number of rows of a table, without --limit."""
# A query reads only the published file: no other file, no network, no extension, and SET can't
# change that. There is no temporary folder, as EXPORT, ATTACH and COPY could write to it. So a
# query that needs more than the memory fails.
SAFE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "lock_configuration": True,
    "temp_directory": "",
}


@tabular
def query(
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help='For example "SELECT * FROM marts.course_summary".'),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="Read the SQL from this file; - is standard input."
        ),
    ] = None,
    shown_as: Annotated[
        Format | None, typer.Option("--format", help="Default: a table on a terminal, else CSV.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the rows to this file.", dir_okay=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(1),
            metavar="INTEGER",
            help=f"Maximum number of rows. Default: {DEFAULT_LIMIT} in a table, else all.",
        ),
    ] = None,
) -> None:
    """Query analytics.duckdb with SQL.

    The file is opened read-only. A query can't read or write any other file; --output writes its
    result.

    Exit codes: 0 done, 1 the SQL is refused or fails, 2 no published file, or conflicting options.
    """
    sql = _sql(sql, file)
    shown_as = _format(shown_as, output)
    row_limit = limit or (DEFAULT_LIMIT if shown_as in FOR_PEOPLE and not output else None)
    path = current_file(load_settings())
    with _execute(path, sql) as result:
        if shown_as is Format.PARQUET:
            assert output is not None  # _format requires it
            write_parquet(result, output, row_limit)
            return
        columns = _columns(result, shown_as)
        rows = result.fetchall() if row_limit is None else result.fetchmany(row_limit + 1)
    err.print(f"{path}", style="dim", markup=False, soft_wrap=True)
    shown = rows if row_limit is None else rows[:row_limit]
    if output:
        _write_file(output, shown_as, columns, shown)
    else:
        _print(shown_as, columns, shown)
    if row_limit is not None and len(rows) > row_limit:
        print_hint(f"There are more than {row_limit:,} rows: see them with --limit.")


def _sql(sql: str | None, file: Path | None) -> str:
    """Return the statement, from either the argument or the file."""
    if (sql is None) == (file is None):
        fail(
            'Give the SQL as an argument, or a file with -f, such as: query "FROM'
            ' marts.course_summary"'
        )
    if sql is not None:
        return sql
    try:
        return sys.stdin.read() if str(file) == "-" else Path(str(file)).read_text("utf-8")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8: save it as UTF-8.")


def _format(requested: Format | None, output: Path | None) -> Format:
    """Return the requested format, or the one that the other options imply."""
    if wants_json():
        if requested not in (None, Format.JSON):
            fail(f"--json and --format {requested} are mutually exclusive: give one of them.")
        return Format.JSON
    if requested is None and output is not None:
        requested = next((known for known in Format if output.suffix == f".{known}"), Format.CSV)
    if requested is Format.PARQUET and output is None:
        fail(
            "Parquet is not text: name a file for it with --output, such as --output rows.parquet."
        )
    return requested or (Format.TABLE if out.is_terminal else Format.CSV)


def _columns(result: duckdb.DuckDBPyConnection, shown_as: Format) -> list[str]:
    """Return the names of the columns; end the command if the format would lose a column."""
    columns = [column[0] for column in result.description]
    if shown_as is Format.JSON and (names := repeated(columns)):
        fail(
            f"JSON can't hold several columns of the same name: {', '.join(names)}. Give each a"
            " name of its own.",
            INCOMPLETE,
        )
    return columns


def _write_file(output: Path, shown_as: Format, columns: Sequence[str], rows: Rows) -> None:
    with (
        replacing(output.absolute()) as fresh,
        fresh.open("w", encoding="utf-8", newline="") as stream,
    ):
        write(shown_as, columns, rows, stream, for_terminal=False)
    print_hint(f"{output}: {counted(len(rows), 'row')}.")


def _print(shown_as: Format, columns: Sequence[str], rows: Rows) -> None:
    if shown_as is Format.TABLE:
        out.print(
            drawn("", columns, [[plain(cell) for cell in row] for row in rows], (), out.width),
            crop=False,
        )
        print_info(counted(len(rows), "row"))
    else:
        print_text(
            lambda stream: write(shown_as, columns, rows, stream, for_terminal=out.is_terminal)
        )


@contextmanager
def _execute(path: Path, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file and execute the query; the block fetches its rows."""
    if not path.exists():
        fail(
            f"There is no published file at {path} yet. Run `analytics-pipeline sync` or"
            " `analytics-pipeline publish`."
        )
    try:
        with duckdb.connect(str(path), read_only=True, config=SAFE) as connection:
            _require_one_query(connection, sql)
            result = connection.execute(sql)
            if result is None or not result.description:
                fail(
                    "There is no statement, or one that returns nothing. Give a query, such as"
                    ' "FROM marts.course_summary".',
                    INCOMPLETE,
                )
            yield result
    except duckdb.Error as error:
        fail(str(error), INCOMPLETE)


def _require_one_query(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """End the command if an earlier statement than the last returns rows, which nobody would see.

    DuckDB executes every statement and returns the result of the last one.
    """
    earlier = connection.extract_statements(sql)[:-1]
    rows = [duckdb.ExpectedResultType.QUERY_RESULT]
    if any(statement.expected_result_type == rows for statement in earlier):
        fail(
            "There are several queries, and only the rows of the last one would be shown. Run them"
            " one at a time.",
            INCOMPLETE,
        )
