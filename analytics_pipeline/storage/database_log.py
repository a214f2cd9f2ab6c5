"""The write-ahead log beside a DuckDB file (`<file>.wal`).

A program that dies with the file open for writing leaves it. DuckDB then applies it to whatever
file has that name, also to one that was put there later.
"""

import os
from pathlib import Path

_MAGIC = b"DUCK"
_MAGIC_AT = 8
_LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")
"""The log first: without it, DuckDB ignores the two that a killed checkpoint leaves."""


def is_database(file: Path) -> bool:
    """Return whether a file is a DuckDB database, by its first bytes."""
    with file.open("rb") as opened:
        return opened.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC


def log_beside(database: Path) -> Path | None:
    """Return the log that DuckDB applies to a file when it is opened; None if there is none."""
    log = database.with_name(f"{database.name}{_LOGS[0]}")
    return log if log.exists() and database.exists() else None


def remove_logs(database: Path) -> bool:
    """Remove the logs beside a database, so that no power failure brings them back.

    Whoever has the database open for reading is not disturbed: DuckDB reads a log only once.

    Returns:
        Whether there was one.
    """
    logs = [database.with_name(f"{database.name}{suffix}") for suffix in _LOGS]
    left = [log for log in logs if os.path.lexists(log)]
    for log in left:
        log.unlink(missing_ok=True)
    if left:
        sync_to_disk(database.parent)
    return bool(left)


def sync_to_disk(path: Path) -> None:
    """Write a file's bytes, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
