"""Replace files atomically and durably, and create database files next to the live one.

Callers hold the warehouse's lock, so a file under the temporary name always belongs to a dead
process.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import file_mode
from analytics_pipeline.warehouse.connection import STORAGE_VERSION, drain_threads, private_files
from analytics_pipeline.warehouse.sql_text import literal


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path next to `target`; on success its file replaces `target`.

    A mode that we gave the target (say 0640, to let a group read it) is kept. A first file is 0600,
    or 0640 in a shared folder. Symbolic links are not followed: one at the target is replaced, one
    at the temporary name is removed.

    Raises:
        OSError: the file can't be written. `target` is unchanged.
    """
    folder = target.with_name(f"{target.name}.new")
    fresh = folder / target.name
    try:
        with name_file_in_errors(target), private_files():
            _remove(folder)
            folder.mkdir(mode=0o700)
            yield fresh
        fresh.chmod(file_mode(target))
        _to_disk(fresh)
        fresh.replace(target)
        _to_disk(target.parent)
    finally:
        _remove(folder)


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


def _remove(folder: Path) -> None:
    """Remove a dead process's leftovers: a folder, a file with its log, or a link."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.with_name(f"{folder.name}.wal").unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
