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
from itertools import pairwise
from pathlib import Path

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.warehouse.connection import closing, connect, lock_warehouse
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.files import attached
from analytics_pipeline.warehouse.schema import create
from analytics_pipeline.warehouse.signature import Signature, read_signature
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


class AcrossImpossible(PipelineError):
    """Published files can't be put into one file."""


@dataclass(frozen=True)
class Across:
    """Result of a publication across organisations.

    Attributes:
        rows: number of rows by mart.
        withheld: lines for people about marts that an organisation's file lacks or keeps older.
        bytes: size of the file.
        seconds: duration.
        organisations: their ids.
    """

    rows: Mapping[str, int]
    withheld: Sequence[str]
    bytes: int
    seconds: float
    organisations: Sequence[str]


@dataclass(frozen=True)
class _Source:
    """An attached published file: its path, alias, organisation, description, and marts by name
    with the type of each column.
    """

    path: Path
    alias: str
    organisation: str
    signature: Signature
    pii: bool
    release: str
    marts: Mapping[str, Mapping[str, str]]


def publish_across(files: Sequence[Path], target: Path) -> Across:
    """Write one file with the marts of several published files, and replace the previous one; its
    current readers are not disturbed.

    Args:
        files: published files, of one organisation each.
        target: the file to write. One of ours keeps its mode; a first one is 0600, or 0640 in a
            shared folder.

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
            (
                _attach(connection, path, f"source{n}")
                for n, path in enumerate(dict.fromkeys(files))
            ),
            key=lambda source: source.organisation,
        )
        _require_one_each(sources)
        _require_same_columns(sources)
        with (
            replacing(target) as fresh,
            attached(connection, fresh, _COPY),
            _using(connection),
            transaction(connection),
        ):
            # The default is in the working folder, which other processes may use, too.
            connection.execute(f"SET temp_directory = {literal(str(fresh.with_name('spill')))}")
            rows = {mart: _copy(connection, mart, sources) for mart in _marts(sources)}
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
    )


@contextmanager
def _using(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute(f"USE {_COPY}")
    try:
        yield
    finally:
        connection.execute("USE memory")


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> _Source:
    """Attach a published file read-only."""
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {alias} (READ_ONLY)")
        connection.execute(f"USE {alias}")
        found = connection.execute("FROM ops.published")
        names = [column[0] for column in found.description or ()]
        about = dict(zip(names, found.fetchone() or (), strict=False))
        signature = read_signature(connection)
        folders = connection.execute(
            "SELECT DISTINCT split_part(source_key, '/', 1) FROM ops.loaded_files"
        ).fetchall()
        columns = connection.execute(
            """SELECT table_name, column_name, data_type FROM duckdb_columns()
               WHERE database_name = current_database() AND schema_name = 'marts'
               ORDER BY table_name, column_index"""
        ).fetchall()
    except duckdb.Error as error:
        raise _no_source(path, f": {str(error).splitlines()[0]}") from None
    finally:
        connection.execute("USE memory")
    if signature is None or len(folders) != 1:
        raise _no_source(path)
    marts: dict[str, dict[str, str]] = {}
    for mart, column, kind in columns:
        marts.setdefault(mart, {})[column] = kind
    return _Source(
        path,
        alias,
        folders[0][0].removeprefix("org"),
        signature,
        bool(about.get("pii")),
        str(about.get("release") or ""),
        marts,
    )


def _no_source(path: Path, reason: str = "") -> AcrossImpossible:
    return AcrossImpossible(
        f"{path} can't be read as the published file of one organisation{reason}.",
        "Give the file analytics.duckdb that `analytics-pipeline publish` writes.",
    )


def _marts(sources: Sequence[_Source]) -> list[str]:
    return sorted({mart for source in sources for mart in source.marts})


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


def _require_one_each(sources: Sequence[_Source]) -> None:
    for source, other in pairwise(sources):
        if source.organisation == other.organisation:
            raise AcrossImpossible(
                f"{source.path} and {other.path} are both of organisation {source.organisation}.",
                "Give one file for each organisation.",
            )


def _require_same_columns(sources: Sequence[_Source]) -> None:
    """Refuse files whose releases differ in their marts. A mart that a check withholds may be
    missing.
    """
    for mart in _marts(sources):
        first = next(source for source in sources if mart in source.marts)
        for source in sources:
            if mart in source.marts:
                differing = _differing(first.marts[mart], source.marts[mart])
            elif f"marts.{mart}" in source.signature.left_out:
                differing = []
            else:
                differing = ["all of them"]
            if differing:
                raise AcrossImpossible(
                    f"marts.{mart} has other columns in {source.path} (organisation"
                    f" {source.organisation}, release {source.release}) than in {first.path}"
                    f" (organisation {first.organisation}, release {first.release}):"
                    f" {', '.join(differing)}.",
                    "Publish both with the same release, then run this again.",
                )


def _differing(columns: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*columns, *others} if columns.get(name) != others.get(name))


def _copy(connection: duckdb.DuckDBPyConnection, mart: str, sources: Sequence[_Source]) -> int:
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


def _comment(connection: duckdb.DuckDBPyConnection, mart: str, source: _Source) -> None:
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
        relation = f"{schema}.{quoted(mart)}"
        for column, text in [(_COLUMN, _ABOUT_COLUMN), *about]:
            subject = f"COLUMN {relation}.{quoted(column)}" if column else f"{kind} {relation}"
            if text:
                connection.execute(f"COMMENT ON {subject} IS {literal(text)}")


def _describe(connection: duckdb.DuckDBPyConnection, sources: Sequence[_Source]) -> None:
    """Record in the file which published files it is made of."""
    create(connection, ORGANISATIONS)
    now = datetime.now(UTC).replace(tzinfo=None)
    for source in sources:
        connection.execute(
            f"INSERT INTO {ORGANISATIONS.name} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                source.organisation,
                source.signature.published_at,
                source.pii,
                source.release,
                sorted(source.signature.kept),
                sorted(source.signature.left_out),
                now,
                version("analytics-pipeline"),
            ],
        )
