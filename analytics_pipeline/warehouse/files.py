"""Attach database files beside the one that a connection uses; notice one that is cut short."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.connection import STORAGE_VERSION, drain_threads
from analytics_pipeline.warehouse.sql_text import literal
from analytics_pipeline.warehouse.transactions import value_of

_HEADER_BYTES = 3 * 4_096
"""Size of the headers before a DuckDB file's first block."""


@contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, *, read_only: bool = False
) -> Iterator[None]:
    """Attach a database file; checkpoint one that is written at the end, so that no log is left.

    Args:
        connection: any database.
        path: the file.
        name: the name to attach it under.
        read_only: attach an existing file, and leave it as it is.
    """
    kind = "READ_ONLY" if read_only else f"STORAGE_VERSION {literal(STORAGE_VERSION)}"
    # ATTACH takes no parameter; the path comes from the settings.
    connection.execute(f"ATTACH {literal(str(path))} AS {name} ({kind})")
    try:
        yield
        if not read_only:
            connection.execute(f"CHECKPOINT {name}")
    finally:
        drain_threads(connection)
        connection.execute(f"DETACH {name}")


def is_cut_short(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> bool:
    """Return whether an open database file has fewer bytes than its header says.

    DuckDB opens such a file, and fails only when it reads a block that is missing.

    Args:
        connection: any database.
        path: the file.
        name: the name under which it is open.
    """
    size = value_of(
        connection,
        """SELECT coalesce(max(total_blocks * block_size), 0)::BIGINT FROM pragma_database_size()
           WHERE database_name = $1""",
        [name],
    )
    return path.stat().st_size < size + _HEADER_BYTES
