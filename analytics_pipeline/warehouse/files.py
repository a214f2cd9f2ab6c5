"""Files that appear under their name only when they are complete and on the disk, and database files made beside the live one.

What is written into them belongs to the callers. They hold the warehouse's lock, so that a file under a temporary
name is always one that a dead process left.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analytics_pipeline.storage.disk import name_file_in_errors
from analytics_pipeline.storage.folders import file_mode
from analytics_pipeline.warehouse.connection import STORAGE_VERSION, let_go, private_files
from analytics_pipeline.warehouse.schema import literal


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path in a private folder beside `target`; what is written there replaces it when the block ends well.

    A mode that we gave the file (0640, say, to let a group read it) is kept; a first file is 0600, or 0640 in a shared
    folder. No link is followed: a link under the name is replaced, and one under the temporary name is removed.

    Raises:
        OSError: it can't be written; `target` is as it was.
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
    """Attach a new database file under a name, and close it whole: nothing is left in a log beside it."""
    # ATTACH takes no parameter; the path comes from the settings.
    connection.execute(f"ATTACH {literal(str(path))} AS {name} (STORAGE_VERSION {literal(STORAGE_VERSION)})")
    try:
        yield
        connection.execute(f"CHECKPOINT {name}")
    finally:
        let_go(connection)
        connection.execute(f"DETACH {name}")


def _remove(folder: Path) -> None:
    """Remove what a dead process left under the temporary name: a folder, a file with its log of an older release, or a link."""
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
