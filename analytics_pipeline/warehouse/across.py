"""Put the marts of several organisations into one file, from their published files alone.

So privacy rules and withheld marts hold as in each published file. Each mart has the organisation
as its first column.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.warehouse.across_sources import (
    AcrossImpossible,
    Source,
    all_marts,
    attach,
    old_lines,
    require_one_each,
    require_same_columns,
)
from analytics_pipeline.warehouse.connection import closing, connect, lock_warehouse
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.schema import create, set_comment
from analytics_pipeline.warehouse.sql_text import literal, quoted
from analytics_pipeline.warehouse.tables import Table, TableColumn
from analytics_pipeline.warehouse.transactions import transaction

_COPY = "across"
_COLUMN = "organisation"
_ABOUT_COLUMN = (
    "Id of the organisation (VOCAREUM_ORG_ID), as text. Ids of users, courses, assignments and"
    " parts may be equal in two organisations: join on it, too."
)
ORGANISATIONS = Table(
    "ops.organisations",
    "The organisations of a file across organisations, each with its published file.",
    (
        TableColumn(_COLUMN, "VARCHAR", _ABOUT_COLUMN),
        TableColumn("published_at", "TIMESTAMP", "When its published file was written (UTC)."),
        TableColumn("pii", "BOOLEAN", "Whether that file includes private columns."),
        TableColumn("release", "VARCHAR", "Release of analytics-pipeline that wrote that file."),
        TableColumn("kept", "VARCHAR[]", "Marts of that file that a failing check keeps older."),
        TableColumn("left_out", "VARCHAR[]", "Marts that a failing check leaves out of that file."),
        TableColumn("written_at", "TIMESTAMP", "When this file was written (UTC)."),
        TableColumn("written_by", "VARCHAR", "Release of analytics-pipeline that wrote this file."),
    ),
)


@dataclass(frozen=True)
class Across:
    """Result of a publication across organisations.

    Attributes:
        rows: number of rows by mart.
        withheld: lines for people about marts that an organisation's file lacks or keeps older.
        bytes: size of the file.
        seconds: duration.
        organisations: their ids.
        old: lines for people about files that were not published for days.
    """

    rows: Mapping[str, int]
    withheld: Sequence[str]
    bytes: int
    seconds: float
    organisations: Sequence[str]
    old: Sequence[str]


def publish_across(files: Sequence[Path], target: Path) -> Across:
    """Write one file with the marts of several published files, and replace the previous one; its
    current readers are not disturbed.

    Args:
        files: published files, of one organisation each.
        target: the file to write. One of ours keeps its mode; a first one, and one that was 0600,
            is 0600, or 0640 in a shared folder.

    Raises:
        AcrossImpossible: a file is not a published file, two are of one organisation, releases
            differ in the columns of a mart, or the target is another file. It is unchanged.
        OSError: the file can't be written. The previous one is unchanged.
    """
    began = time.monotonic()
    make_export_folder(target.parent)
    _require_ours(target)
    with lock_warehouse(target, 60), closing(connect(Path(":memory:"))) as connection:
        sources = sorted(
            (attach(connection, path, f"source{n}") for n, path in enumerate(dict.fromkeys(files))),
            key=lambda source: source.organisation,
        )
        require_one_each(sources)
        require_same_columns(sources)
        with (
            replacing(target) as fresh,
            attached(connection, fresh, _COPY),
            _using(connection),
            transaction(connection),
        ):
            # The default is in the working folder, which other processes may use, too.
            connection.execute(f"SET temp_directory = {literal(str(fresh.with_name('spill')))}")
            rows = {mart: _copy(connection, mart, sources) for mart in all_marts(sources)}
            _describe(connection, sources)
    withheld = [
        f"Organisation {source.organisation}: {line}"
        for source in sources
        for line in source.signature.withheld
    ]
    return Across(
        rows,
        withheld,
        target.stat().st_size,
        time.monotonic() - began,
        [source.organisation for source in sources],
        old_lines(sources, warehouse_now()),
    )


@contextmanager
def _using(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute(f"USE {_COPY}")
    try:
        yield
    finally:
        connection.execute("USE memory")


def _require_ours(target: Path) -> None:
    """Refuse to replace a file that is not one across organisations, such as a published one."""
    if not target.exists():
        return
    try:
        with closing(connect(target, read_only=True)) as connection:
            connection.execute(f"FROM {ORGANISATIONS.name}")
    except (duckdb.Error, WarehouseUnusable):
        raise AcrossImpossible(
            f"{target} exists, and `publish --across` did not write it.",
            "Name another file, or move it away.",
        ) from None


def _copy(connection: duckdb.DuckDBPyConnection, mart: str, sources: Sequence[Source]) -> int:
    """Copy a mart of each source into one table; return its number of rows."""
    having = [source for source in sources if mart in source.marts]
    table, rows = f"marts.{quoted(mart)}", 0
    connection.execute("CREATE SCHEMA IF NOT EXISTS marts")
    connection.execute(
        f"CREATE TABLE {table} AS SELECT NULL::VARCHAR AS {_COLUMN}, *"
        f" FROM {having[0].alias}.{table} LIMIT 0"
    )
    for source in having:
        copied = connection.execute(
            f"INSERT INTO {table} BY NAME SELECT ? AS {_COLUMN}, * FROM {source.alias}.{table}",
            [source.organisation],
        ).fetchone()
        rows += copied[0] if copied else 0
    connection.execute(f"CREATE VIEW main.{quoted(mart)} AS SELECT * FROM {table}")
    _comment(connection, mart, having[0])
    return rows


def _comment(connection: duckdb.DuckDBPyConnection, mart: str, source: Source) -> None:
    """Copy a mart's comments, which are declared texts; COMMENT takes only a literal."""
    about = connection.execute(
        """SELECT column_name, comment FROM duckdb_columns()
           WHERE database_name = $1 AND schema_name = 'marts' AND table_name = $2
           UNION ALL
           SELECT NULL, comment FROM duckdb_tables()
           WHERE database_name = $1 AND schema_name = 'marts' AND table_name = $2
           UNION ALL
           SELECT NULL, comment FROM duckdb_views()
           WHERE database_name = $1 AND schema_name = 'marts' AND view_name = $2""",
        [source.alias, mart],
    ).fetchall()
    for kind, schema in (("TABLE", "marts"), ("VIEW", "main")):
        for column, text in [(_COLUMN, _ABOUT_COLUMN), *about]:
            if text:
                set_comment(connection, kind, f"{schema}.{quoted(mart)}", column, text)


def _describe(connection: duckdb.DuckDBPyConnection, sources: Sequence[Source]) -> None:
    """Record in the file which published files it is made of."""
    create(connection, ORGANISATIONS)
    now = datetime.now(UTC).replace(tzinfo=None)
    for source in sources:
        connection.execute(
            f"INSERT INTO {ORGANISATIONS.name} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                source.organisation,
                source.signature.published_at,
                bool(source.signature.pii),
                source.signature.release,
                sorted(source.signature.kept),
                sorted(source.signature.left_out),
                now,
                version("analytics-pipeline"),
            ],
        )
