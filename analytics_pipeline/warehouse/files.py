"""Create database files next to the live one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.connection import STORAGE_VERSION, drain_threads
from analytics_pipeline.warehouse.sql_text import literal


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> Iterator[None]:
    """Attach a new database file; checkpoint it at the end, so that no log is left."""
    # ATTACH takes no parameter; the path comes from the settings.
    connection.execute(
        f"ATTACH {literal(str(path))} AS {name} (STORAGE_VERSION {literal(STORAGE_VERSION)})"
    )
    try:
        yield
        connection.execute(f"CHECKPOINT {name}")
    finally:
        drain_threads(connection)
        connection.execute(f"DETACH {name}")
