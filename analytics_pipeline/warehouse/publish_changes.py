"""Publish only what changed: replace the parts that differ in a copy of the previous file.

A part is a source file or a day of a table; `publication.py` knows which parts were published. The
copy itself says which tables and columns are published, so none is named here.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

import duckdb

from analytics_pipeline.warehouse.emails import Emptied
from analytics_pipeline.warehouse.publication import NOW, Publication
from analytics_pipeline.warehouse.publish_whole import COPY
from analytics_pipeline.warehouse.sql_text import qualified, quoted
from analytics_pipeline.warehouse.tables import PUBLISHED, SOURCE_KEY
from analytics_pipeline.warehouse.transactions import value_of

MOST_FREE = 1 / 4
"""Share of free blocks above which a file is written whole."""
MOST_GROWTH = 1.25
"""Size, as a multiple of the last whole file's, above which a file is written whole."""
GRANTED_BLOCKS = 2.5
"""Free blocks and growth that are always allowed, for each table with rows. A table's changed parts
take blocks of their own, which are many in a small file: one of 17 MB and 16 tables gains 6 to 8 MB
with its first changes, and then keeps its size.
"""
MOST_GRANTED = 9_000_000
"""Bytes that are allowed so at most, for all tables together."""
HASHES = 2**64
"""Number of different hashes of a part."""

Columns = Mapping[str, str]
"""Types by name."""


class CopyDiffers(Exception):
    """The copy does not hold what the record says; nothing of it may be used."""


def copied_tables(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Columns]:
    """Return the tables of the attached file, except its signature, with their columns."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, kind in connection.execute(
        """SELECT schema_name || '.' || table_name, column_name, data_type
           FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
           WHERE database_name = $1 AND schema_name || '.' || table_name <> $2
           ORDER BY 1, column_index""",
        [COPY, PUBLISHED.name],
    ).fetchall():
        found[table][column] = kind
    return found


def measure(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Columns]) -> None:
    """Fill NOW with the parts of the warehouse's tables.

    Args:
        connection: the live warehouse.
        tables: tables and views, with the columns that are published.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {NOW} AS FROM ops.published_parts LIMIT 0")
    for name, columns in tables.items():
        cells = ", ".join(f"live.{quoted(column)}" for column in columns)
        connection.execute(
            f"""INSERT INTO {NOW}
                SELECT ?, CAST(part AS VARCHAR), rows, hash FROM (
                    SELECT {_part(columns)} AS part, count(*) AS rows,
                           CAST(sum(CAST(hash({cells}) AS HUGEINT)) % {HASHES} AS UBIGINT) AS hash
                    FROM {qualified(name)} AS live GROUP BY 1)""",
            [name],
        )


def write_changes(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Columns],
    emptied: Emptied,
    before: Publication,
) -> dict[str, int]:
    """Replace the parts of the attached copy that differ from the warehouse.

    Args:
        connection: the live warehouse, with a transaction open and NOW filled.
        tables: the tables of the copy.
        emptied: counts the cells that are not published.
        before: the record of the copied file.

    Returns:
        The number of rows by qualified table name.

    Raises:
        CopyDiffers: another file was copied.
    """
    if value_of(connection, f"SELECT max(published_at) FROM {COPY}.{PUBLISHED.name}") != (
        before.state.at
    ):
        raise CopyDiffers
    counted = f"SELECT table_name, sum(rows)::BIGINT FROM {NOW} GROUP BY 1"
    rows = dict.fromkeys(tables, 0) | dict(connection.execute(counted).fetchall())
    for name, parts in _differing(connection).items():
        if name not in tables:
            raise CopyDiffers
        differing = sum(max(old, new) for _, old, new in parts)
        some = None if 2 * differing > rows[name] else [part for part, _, _ in parts]
        _replace(connection, name, tables[name], some, emptied)
        if value_of(connection, f"SELECT count(*) FROM {COPY}.{qualified(name)}") != rows[name]:
            raise CopyDiffers
    return rows


def is_tight(connection: duckdb.DuckDBPyConnection, whole_bytes: int, tables: int) -> bool:
    """Return whether the attached file, after a checkpoint, is hardly larger than a whole one.

    Args:
        connection: the live warehouse, with the changed copy attached.
        whole_bytes: size of the last file that was written whole.
        tables: number of its tables that have rows.
    """
    size, block, total, free = connection.execute(
        """SELECT block_size * total_blocks, block_size, total_blocks, free_blocks
           FROM pragma_database_size() WHERE database_name = $1""",
        [COPY],
    ).fetchall()[0]
    granted = min(GRANTED_BLOCKS * tables * block, MOST_GRANTED)
    most_free = max(MOST_FREE * total * block, granted)
    most = max(MOST_GROWTH * whole_bytes, whole_bytes + granted)
    return bool(free * block <= most_free and size <= most)


def _differing(
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, list[tuple[str | None, int, int]]]:
    """Return the parts that differ by table, each with its old and new number of rows."""
    found = defaultdict(list)
    for name, part, old, new in connection.execute(
        f"""SELECT coalesce(now.table_name, was.table_name), coalesce(now.part, was.part),
                   coalesce(was.rows, 0), coalesce(now.rows, 0)
            FROM {NOW} AS now FULL JOIN ops.published_parts AS was
              ON now.table_name = was.table_name AND now.part IS NOT DISTINCT FROM was.part
            WHERE (now.rows, now.hash) IS DISTINCT FROM (was.rows, was.hash) ORDER BY ALL"""
    ).fetchall():
        found[name].append((part, old, new))
    return found


def _replace(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    columns: Columns,
    parts: Collection[str | None] | None,
    emptied: Emptied,
) -> None:
    """Replace some parts of a table in the copy, or all of its rows."""
    table = qualified(name)
    where, values = ("true", []) if parts is None else _within(columns, parts)
    connection.execute(f"DELETE FROM {COPY}.{table} WHERE {where}", values)
    rows = emptied.select(connection, name, table, columns, where, values)
    connection.execute(f"INSERT INTO {COPY}.{table} BY NAME {rows}", values)


def _part(columns: Columns) -> str:
    """Return the part of a row as SQL: its source file, else its first day, else NULL."""
    if SOURCE_KEY.name in columns:
        return quoted(SOURCE_KEY.name)
    days = [name for kind in ("DATE", "TIMESTAMP") for name, has in columns.items() if has == kind]
    return f"CAST({quoted(days[0])} AS DATE)" if days else "NULL"


def _within(columns: Columns, parts: Collection[str | None]) -> tuple[str, list[object]]:
    """Return the condition of rows in some parts as SQL, and its parameters."""
    key, known = _part(columns), [part for part in parts if part is not None]
    kind = "VARCHAR" if SOURCE_KEY.name in columns else "DATE"
    marks = ", ".join(f"CAST(? AS {kind})" for _ in known)
    conditions = [f"{key} IN ({marks})"] if known else []
    if None in parts:
        conditions.append(f"{key} IS NULL")
    return " OR ".join(conditions), [*known]
