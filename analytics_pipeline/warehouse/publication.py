"""What this warehouse published last, so that the next publication writes only differences.

`ops.publication` identifies the file, `ops.published_parts` has a hash of each part of its tables.
Both stay in the warehouse: hashes of rows are never published. A record is used at most once: it is
deleted before a file is written, and stored again after the rename. Without a record that fits the
file, as after a kill, a restore, or a change by others, the file is written whole.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import duckdb

from analytics_pipeline.warehouse.connection import STORAGE_VERSION
from analytics_pipeline.warehouse.transactions import value_of, write
from analytics_pipeline.warehouse.withhold import erasures

LONGEST = timedelta(days=7)
"""A file is written whole at least this often, whatever the comparison finds."""
NOW = "temp.main.parts_now"
"""Temporary table of the parts as they are in the warehouse, like `ops.published_parts`."""
_SHAPE = """
    SELECT sha256(string_agg(entry, chr(10) ORDER BY entry)) FROM (
        SELECT concat_ws('|', schema_name, table_name, column_index, column_name, data_type,
                         coalesce(comment, '')) AS entry
        FROM duckdb_columns() WHERE database_name = current_database() AND NOT internal
        UNION ALL
        SELECT concat_ws('|', schema_name, table_name, coalesce(comment, ''))
        FROM duckdb_tables() WHERE database_name = current_database()
        UNION ALL
        SELECT concat_ws('|', schema_name, view_name, coalesce(comment, ''),
                         CASE WHEN contains(parsed, '"error":true') THEN sql ELSE parsed END)
        FROM (SELECT *, regexp_replace(CAST(json_serialize_sql(regexp_replace(
                  sql, '^CREATE VIEW \\S+ (\\([^)]*\\) )?AS ', '')) AS VARCHAR),
                  '"query_location":[0-9]+', '', 'g') AS parsed
              FROM duckdb_views() WHERE database_name = current_database() AND NOT internal)
        UNION ALL
        SELECT concat_ws('|', 'schema version', max(version)) FROM ops.schema_version
        UNION ALL
        SELECT concat_ws('|', 'writer', ?))"""
"""DuckDB prints a view's SQL differently after the database is opened again (`AS DATE`,
`AS "DATE"`), so its parsed form is compared, without positions."""


@dataclass(frozen=True)
class State:
    """What a published file depends on besides rows.

    Attributes:
        at: the time (UTC, naive).
        shape: digest of all tables, columns, views and comments, of the releases of this package
            and DuckDB, of the storage version, and of the privacy setting.
        erasures: number of erasures; None while one is in progress or was interrupted.
    """

    at: datetime
    shape: str
    erasures: int | None


@dataclass(frozen=True)
class Publication:
    """The published file that the warehouse wrote last.

    Attributes:
        file: its identity, by its store.
        state: the state that it was written in; `at` is its `published_at`.
        whole_at: when a file was last written whole (UTC, naive).
        whole_bytes: size of that file.
    """

    file: str
    state: State
    whole_at: datetime
    whole_bytes: int


def current_state(connection: duckdb.DuckDBPyConnection, *, pii: bool) -> State:
    """Return the state of the warehouse.

    Args:
        connection: the live warehouse.
        pii: whether private columns are to be published.
    """
    writer = f"{version('analytics-pipeline')} {duckdb.__version__} {STORAGE_VERSION} {pii}"
    shape = str(value_of(connection, _SHAPE, [writer]))
    return State(datetime.now(UTC).replace(tzinfo=None), shape, erasures(connection))


def fitting(connection: duckdb.DuckDBPyConnection, now: State, file: str) -> Publication | None:
    """Return the record of the published file; None if the file must be written whole.

    Rows that are deleted from a copy stay readable in its free blocks. So a file that was written
    before an erased person's rows were removed from the warehouse is not copied. Their removal
    counts the erasure; from its request until then, loads already drop the person.

    Args:
        connection: the live warehouse.
        now: its state.
        file: identity of the published file, by its store.
    """
    row = connection.execute(
        """SELECT file, published_at, shape, erasures, whole_at, whole_bytes
           FROM ops.publication"""
    ).fetchone()
    if row is None:
        return None
    before = Publication(row[0], State(*row[1:4]), *row[4:])
    is_same = (
        before.file == file
        and before.state.shape == now.shape
        and before.state.erasures == now.erasures
        and now.erasures is not None
    )
    return before if is_same and timedelta() <= now.at - before.whole_at < LONGEST else None


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Delete the record, so that there is none after an attempt that fails or is killed."""
    write(connection, lambda: connection.execute("DELETE FROM ops.publication"))


def record(
    connection: duckdb.DuckDBPyConnection, publication: Publication, emptied: Collection[str]
) -> None:
    """Store a publication with the parts in NOW.

    Args:
        connection: the live warehouse, with no transaction open.
        publication: the file.
        emptied: qualified names of the tables with emptied cells. Their parts get no hash, so that
            the next publication writes them again and counts all of these cells.
    """
    state = publication.state
    figures = [state.at, state.shape, state.erasures, publication.whole_at, publication.whole_bytes]

    def replace() -> None:
        connection.execute("DELETE FROM ops.publication")
        connection.execute("DELETE FROM ops.published_parts")
        connection.execute(
            """INSERT INTO ops.publication
               (file, published_at, shape, erasures, whole_at, whole_bytes)
               VALUES (?, ?, ?, ?, ?, ?)""",
            [publication.file, *figures],
        )
        connection.execute(
            f"""INSERT INTO ops.published_parts BY NAME
                SELECT * REPLACE (CASE WHEN NOT list_contains(?, table_name) THEN hash END AS hash)
                FROM {NOW}""",
            [list(emptied)],
        )

    write(connection, replace)
