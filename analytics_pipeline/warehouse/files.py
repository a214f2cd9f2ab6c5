"""Files that appear under their name only when they are complete and on the disk, and database files made beside the live one.

What is written into them belongs to the callers. They hold the warehouse's lock, so that a file under a temporary
name is always one that a dead process left.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analytics_pipeline.disk import naming
from analytics_pipeline.warehouse.connection import STORAGE_VERSION, let_go, private_files
from analytics_pipeline.warehouse.schema import literal

MODE = 0o600
"""Of a new file; one that is there already passes its mode on to its successor."""


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; what is written there replaces it when the block ends well.

    A mode that somebody gave the file (0640, say, to let a group read it) is kept; a first file is 0600.

    Raises:
        OSError: it can't be written; `target` is as it was.
    """
    fresh = target.with_name(f"{target.name}.new")
    _remove(fresh)
    try:
        with naming(target), private_files():
            yield fresh
        fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else MODE)
        _to_disk(fresh)
        fresh.replace(target)
        _to_disk(target.parent)
    finally:
        _remove(fresh)


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> Iterator[None]:
    """Attach a new database file under a name, and close it whole: nothing is left in a log beside it."""
    # ATTACH takes no parameter; the path comes from the settings.
    connection.execute(f"ATTACH {literal(str(path))} AS {name} (STORAGE_VERSION {literal(STORAGE_VERSION)})")
    try:
        yield
        connection.execute(f"CHECKPOINT {name}")
    finally:
        let_go(connection)
        connection.execute(f"DETACH {name}")


def _remove(fresh: Path) -> None:
    for path in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        path.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
