"""Write the file that analysts open: everything in the warehouse that is not private, replaced
atomically.

Private values are never written to it, not even temporarily: deleted bytes would remain in the
file. Columns are selected by declaration; an undeclared one is not published. `withhold.py` decides
what a failing check withholds.
"""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from analytics_pipeline.datasets import Privacy
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.files import attached, replacing
from analytics_pipeline.warehouse.schema import create
from analytics_pipeline.warehouse.signature import withheld_lines
from analytics_pipeline.warehouse.sql_text import literal, quoted
from analytics_pipeline.warehouse.tables import PUBLISHED, Table, tables
from analytics_pipeline.warehouse.transactions import transaction
from analytics_pipeline.warehouse.withhold import (
    BEFORE,
    Withheld,
    erasures,
    older_files,
    withheld,
    withheld_tables,
)

_COPY = "published"


class NothingToPublish(PipelineError):
    """The warehouse has no data for analysts yet."""


@dataclass(frozen=True)
class Published:
    """Result of a publication.

    Attributes:
        rows: number of rows by qualified table name; without views.
        seconds: duration.
        bytes: size of the file.
        kept: tables withheld by a failing check, with the time of the state that stays published
            (UTC).
        left_out: tables withheld by a failing check without an earlier state that may stay.
        older_files: files that the previous published file had in a later state, or that only it
            had: an older warehouse was restored.
        is_written: False if no file was written: all tables are withheld, and no previous file
            exists.
        emptied: number of cells of open columns that held an email address, by
            `schema.table.column`.
    """

    rows: Mapping[str, int]
    seconds: float
    bytes: int
    kept: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    older_files: int = 0
    is_written: bool = True
    emptied: Mapping[str, int] = field(default_factory=dict)

    @property
    def withheld(self) -> list[str]:
        """Return a line for people for each kind of table that is not published in its current
        state.
        """
        return withheld_lines(self.kept, self.left_out, self.older_files, self.emptied)


def publish(
    connection: duckdb.DuckDBPyConnection, target: Path, *, pii: bool, without_marts: bool = False
) -> Published:
    """Write the published file and replace the previous one; its current readers are not disturbed.

    Args:
        connection: the live warehouse, under the writer's lock, with no transaction open.
        target: the published file. An existing file of ours keeps its mode; a first one is 0600, or
            0640 in a shared folder.
        pii: whether to publish private columns too. Quarantine is never published.
        without_marts: publish even if no file is loaded or no mart is built. An erased person must
            leave the published file even if no model can be built.

    Raises:
        NothingToPublish: no file is loaded, or no mart is built. The published file is unchanged.
        OSError: the file can't be written. The previous one is unchanged.
        duckdb.Error: likewise.
    """
    began = time.monotonic()
    if not without_marts:
        _require_marts(connection)
    make_export_folder(target.parent)
    older = older_files(connection, target)
    with withheld(connection, target, pii=pii) as held:
        if held.nothing:
            return Published(
                {}, time.monotonic() - began, 0, left_out=held.left_out, is_written=False
            )
        with replacing(target) as fresh, attached(connection, fresh, _COPY):
            live = quoted(_value(connection, "SELECT current_database()"))
            emptied = Emptied(pii)
            if held.file_stays:
                rows = _copy_before(connection, live, pii)
            else:
                rows = _copy_all(connection, live, held, pii, emptied)
            _add_main_views(connection, live)
            with transaction(connection):
                _copy_comments(connection)
                _sign(connection, live, held, older, emptied)
    size = target.stat().st_size
    return Published(
        rows, time.monotonic() - began, size, held.kept, held.left_out, older, emptied=emptied.cells
    )


def export_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Path]:
    """Write each mart to a Parquet file (ZSTD) of its name, atomically, except those that a failing
    check withholds.

    Args:
        connection: the live warehouse, under the writer's lock.
        folder: created if missing.

    Returns:
        The file of each mart, by the mart's name.

    Raises:
        OSError: a file can't be written.
    """
    make_export_folder(folder)
    not_these = withheld_tables(connection)
    marts = _marts(connection, _value(connection, "SELECT current_database()"))
    files = {name: folder / f"{name}.parquet" for name in marts if f"marts.{name}" not in not_these}
    emptied = Emptied(pii=False)
    for name, file in files.items():
        rows = emptied.select(connection, f"marts.{name}", f"marts.{quoted(name)}")
        about = ", ".join(
            f"{key}: {literal(text)}" for key, text in _described(connection, name).items()
        )
        with replacing(file) as fresh:
            connection.execute(
                f"COPY ({rows}) TO {literal(str(fresh))} (FORMAT parquet, COMPRESSION zstd,"
                f" KV_METADATA {{{about}}})"
            )
    return files


def _marts(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """Return the names of a database's marts, tables and views."""
    found = connection.execute(
        """SELECT table_name FROM duckdb_tables() WHERE database_name = $1 AND schema_name = 'marts'
           UNION ALL
           SELECT view_name FROM duckdb_views() WHERE database_name = $1 AND schema_name = 'marts'
           ORDER BY 1""",
        [database],
    ).fetchall()
    return [name for (name,) in found]


def _described(connection: duckdb.DuckDBPyConnection, mart: str) -> dict[str, str]:
    """Return a mart's comment, and its columns' comments as JSON, under keys that no format
    reserves.
    """
    columns = connection.execute(
        """SELECT column_name, comment FROM duckdb_columns()
           WHERE database_name = current_database() AND schema_name = 'marts' AND table_name = ?
           ORDER BY column_index""",
        [mart],
    ).fetchall()
    comment = _value(
        connection,
        """SELECT any_value(comment) FROM (
               SELECT schema_name, table_name, comment FROM duckdb_tables()
               WHERE database_name = current_database()
               UNION ALL
               SELECT schema_name, view_name, comment FROM duckdb_views()
               WHERE database_name = current_database()
           ) WHERE schema_name = 'marts' AND table_name = $1""",
        [mart],
    )
    return {"description": comment or "", "columns": json.dumps(dict(columns))}


def _require_marts(connection: duckdb.DuckDBPyConnection) -> None:
    if not _value(connection, "SELECT count(*) FROM ops.loaded_files"):
        raise NothingToPublish(
            "Nothing was published: the warehouse holds no loaded file.",
            "Run `analytics-pipeline sync`; `analytics-pipeline status` shows why files fail.",
        )
    if not _value(
        connection,
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND"
        " schema_name = 'marts'",
    ):
        raise NothingToPublish(
            "Nothing was published: the warehouse holds no mart.",
            "Run `analytics-pipeline sync`, which builds the models and shows which one fails.",
        )


def _copy_all(
    connection: duckdb.DuckDBPyConnection, live: str, held: Withheld, pii: bool, emptied: Emptied
) -> dict[str, int]:
    """Copy the current state of everything that is not withheld."""
    declared = [table for table in tables() if not table.secret]
    rows = {
        table.name: _copy_table(connection, live, table, pii, emptied)
        for table in declared
        if not table.query
    }
    for view in (table for table in declared if table.query):
        _copy_view(connection, live, f"CREATE VIEW {view.name} AS {view.query}")
    rows |= _copy_models(connection, live, held.tables, emptied)
    for name in held.tables & held.kept.keys():
        schema, _, table = name.partition(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_COPY}.{schema}")
        source, copy = f"{BEFORE}.{schema}.{quoted(table)}", f"{_COPY}.{schema}.{quoted(table)}"
        rows[name] = _value(
            connection, f"CREATE TABLE {copy} AS {emptied.select(connection, name, source)}"
        )
    return rows


def _copy_before(connection: duckdb.DuckDBPyConnection, live: str, pii: bool) -> dict[str, int]:
    """Copy the previous published state of everything, except the checks, which give the reason."""
    connection.execute(f"COPY FROM DATABASE {BEFORE} TO {_COPY}")
    connection.execute(f"DROP TABLE {_COPY}.{PUBLISHED.name}")
    connection.execute(f"DROP TABLE IF EXISTS {_COPY}.ops.checks")
    checks = next(table for table in tables() if table.name == "ops.checks")
    return {checks.name: _copy_table(connection, live, checks, pii, Emptied(pii))}


def _copy_table(
    connection: duckdb.DuckDBPyConnection, live: str, table: Table, pii: bool, emptied: Emptied
) -> int:
    schema, _, _ = table.name.partition(".")
    columns = [
        column.name for column in table.columns if pii or column.privacy is not Privacy.PRIVATE
    ]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_COPY}.{schema}")
    rows = emptied.select(connection, table.name, f"{live}.{table.name}", columns)
    return _value(connection, f"CREATE TABLE {_COPY}.{table.name} AS {rows}")


def _copy_models(
    connection: duckdb.DuckDBPyConnection, live: str, but: Collection[str], emptied: Emptied
) -> dict[str, int]:
    """Copy marts, except some, and staging views: as a view, or as a table of its rows if it reads
    unpublished tables.
    """
    models = connection.execute("""SELECT schema_name, table_name, NULL AS sql FROM duckdb_tables()
           WHERE database_name = current_database() AND schema_name = 'marts'
           UNION ALL
           SELECT schema_name, view_name, sql FROM duckdb_views()
           WHERE database_name = current_database() AND schema_name IN ('marts', 'staging')
           ORDER BY sql NULLS FIRST, 1, 2""").fetchall()
    rows: dict[str, int] = {}
    for schema, name, sql in models:
        if f"{schema}.{name}" in but:
            continue
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_COPY}.{schema}")
        table = f"{schema}.{quoted(name)}"
        if sql is None or not _copy_view(connection, live, sql):
            found = emptied.select(connection, f"{schema}.{name}", f"{live}.{table}")
            rows[f"{schema}.{name}"] = _value(
                connection, f"CREATE TABLE {_COPY}.{table} AS {found}"
            )
    return rows


def _copy_view(connection: duckdb.DuckDBPyConnection, live: str, sql: str) -> bool:
    """Recreate a view, whose SQL names only schema and table; return False if the copy lacks a
    table that it reads.
    """
    connection.execute(f"USE {_COPY}")
    try:
        connection.execute(sql)
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    finally:
        connection.execute(f"USE {live}")
    return True


def _add_main_views(connection: duckdb.DuckDBPyConnection, live: str) -> None:
    """Create a view of each published mart in the schema main, for tools that list only main."""
    for name in _marts(connection, _COPY):
        _copy_view(
            connection,
            live,
            f"CREATE OR REPLACE VIEW main.{quoted(name)} AS SELECT * FROM marts.{quoted(name)}",
        )


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Copy the comments of tables, views and columns.

    They are declared texts; COMMENT takes only a literal.
    """
    found = connection.execute(
        f"""WITH relations AS (
                SELECT database_name, schema_name, table_name, 'TABLE' AS kind, comment
                FROM duckdb_tables()
                UNION ALL
                SELECT database_name, schema_name, view_name, 'VIEW', comment FROM duckdb_views()
                WHERE NOT internal),
            comments AS (
                SELECT database_name, schema_name, table_name, NULL AS column_name, comment
                FROM relations
                UNION ALL
                SELECT database_name, schema_name, table_name, column_name, comment
                FROM duckdb_columns())
            SELECT copies.kind, copies.schema_name, table_name, column_name, lives.comment
            FROM relations AS copies JOIN comments AS lives USING (table_name)
            WHERE copies.database_name = '{_COPY}' AND lives.database_name = current_database()
              -- main holds views of marts
              AND lives.schema_name = CASE copies.schema_name WHEN 'main' THEN 'marts'
                ELSE copies.schema_name END
              AND lives.comment IS NOT NULL
              AND (column_name IS NULL OR column_name IN (
                  SELECT here.column_name FROM duckdb_columns() AS here
                  WHERE here.database_name = '{_COPY}'
                    AND (here.schema_name, here.table_name) = (copies.schema_name,
                      copies.table_name)))"""
    ).fetchall()
    for kind, schema, name, column, comment in found:
        table = f"{_COPY}.{schema}.{quoted(name)}"
        what = f"COLUMN {table}.{quoted(column)}" if column else f"{kind} {table}"
        connection.execute(f"COMMENT ON {what} IS {literal(comment)}")


def _sign(
    connection: duckdb.DuckDBPyConnection, live: str, held: Withheld, older: int, emptied: Emptied
) -> None:
    """Record in the file what it contains."""
    create(connection, PUBLISHED, f"{_COPY}.")
    kept = [{"table": name, "published_at": at} for name, at in sorted(held.kept.items())]
    connection.execute(
        f"""INSERT INTO {_COPY}.{PUBLISHED.name}
            SELECT ?, ?, ?, max(version), ?, ?, ?, ?, ? FROM {live}.ops.schema_version""",
        [
            datetime.now(UTC).replace(tzinfo=None),
            emptied.pii,
            version("analytics-pipeline"),
            kept,
            held.left_out,
            erasures(connection),
            older,
            [{"column": name, "cells": cells} for name, cells in sorted(emptied.cells.items())],
        ],
    )


def _value(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> Any:
    row = connection.execute(sql, parameters).fetchone()
    assert row is not None  # an aggregate and a CREATE TABLE AS return one row
    return row[0]
