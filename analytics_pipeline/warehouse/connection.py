"""Open the live database file: writers queue on a file lock, and every connection is closed.

Never open or copy the live file by other means in a process that has it open: closing any handle of
it drops DuckDB's POSIX lock, which loses updates. Analysts read the published copy (`publish.py`).
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.storage.folders import keep_private, private_umask
from analytics_pipeline.warehouse.errors import WarehouseBusy, WarehouseUnusable
from analytics_pipeline.warehouse.schema import ensure_schema, require_known
from analytics_pipeline.warehouse.sidecar import (
    detect_replacement,
    digest,
    is_untouched,
    update_sidecar,
)

logger = logging.getLogger(__name__)

STORAGE_VERSION = "v1.0.0"
"""Storage version of written files, which every DuckDB since 1.0.0 can open."""
SETTINGS: dict[str, str | int | float | list[str]] = {
    "storage_compatibility_version": STORAGE_VERSION,
    "memory_limit": "1GB",
}

_FOREIGN_SECONDS = 10
"""How long a writer waits for a program that has the file open without the lock."""


@contextmanager
def lock_warehouse(path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the warehouse's lock, which the system releases if the holder dies.

    Raises:
        WarehouseBusy: the lock was not free within `wait_seconds`.
    """
    lock = FileLock(path.with_name(path.name + ".lock"), mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("The warehouse is in use; waiting for it.")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            raise WarehouseBusy(
                f"{path} was in use by another process for more than {wait_seconds:.0f} s. "
                "Wait for the other run to end, or end it, and try again."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def open_warehouse(path: Path, wait_seconds: float = 3_600) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the live warehouse exclusively; create or migrate it if needed.

    Args:
        path: the database file. It is created or kept with mode 0600, and its folder with 0700.
        wait_seconds: how long to wait for other writers, and at most that long (10 s if it is
            longer) for a program that ignores their lock.

    Raises:
        FolderOpen: other users may enter the folder, and another user owns it.
        WarehouseUnusable: others held it for longer, it is not a database, or it can't be read or
            written.
        DiskFull: the disk is full.
        SchemaTooNew: a later release wrote it.
    """
    with private_umask(), _usable(path):
        keep_private(path.parent)
        with lock_warehouse(path, wait_seconds):
            is_same_file, ledger = is_untouched(path), None
            try:
                with closing(connect(path, min(wait_seconds, _FOREIGN_SECONDS))) as connection:
                    ensure_schema(connection)
                    detect_replacement(connection, path, is_same_file=is_same_file)
                    try:
                        yield connection
                    finally:
                        # If the connection is broken, the next writer compares the ledger.
                        with suppress(duckdb.Error):
                            ledger = digest(connection)
            finally:
                update_sidecar(path, ledger)


@contextmanager
def read_warehouse(path: Path, wait_seconds: float = 5) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the live warehouse read-only, without the lock; writes nothing anywhere.

    Args:
        path: the database file, which must exist.
        wait_seconds: how long to wait for a writer to finish.

    Raises:
        WarehouseBusy: a run writes it for longer.
        WarehouseUnusable: it is not a database, or can't be read.
        SchemaTooNew: a later release wrote it.
    """
    with _usable(path), closing(connect(path, wait_seconds, read_only=True)) as connection:
        require_known(connection)
        yield connection


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Translate errors of the disk (not of data or SQL) into `WarehouseUnusable`."""
    try:
        with translate_disk_full(path):
            yield
    except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
        raise WarehouseUnusable(
            f"{path} could not be read or written: {error}. Existing data is unchanged. Check the"
            " disk and the permissions, and run the same command again."
        ) from None


@contextmanager
def closing(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Close a database in any case, after its worker threads have released their references."""
    try:
        yield connection
    finally:
        with suppress(duckdb.Error):  # a broken connection can still be closed
            drain_threads(connection)
        connection.close()


def drain_threads(connection: duckdb.DuckDBPyConnection) -> None:
    """Wait for DuckDB's worker threads to release their table references.

    After a query returns, a thread may still be releasing the tables it read. If the database is
    closed or detached at that moment, the process crashes (DuckDB 1.5.5: about once in a thousand
    closes on a busy machine). DuckDB waits for its threads only when their number is reduced.
    """
    connection.execute("SET threads TO 1")
    connection.execute("RESET threads")


def connect(
    path: Path, wait_seconds: float = _FOREIGN_SECONDS, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Connect; the caller holds the lock. Wait for programs that ignore it (a DuckDB shell)."""
    _expect_no_pandas()
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=SETTINGS)
        except duckdb.Error as error:
            if "wal file" in str(error).lower():
                log = path.with_name(f"{path.name}.wal")
                raise WarehouseUnusable(
                    f"{path} can't be opened, as its write-ahead log is damaged: {error}.",
                    f"The database itself is most likely sound: move {log} away (keep it), not the"
                    " database, and run the same command again. `analytics-pipeline sync` reloads"
                    " what only the log held.",
                ) from None
            if "could not set lock" not in str(error).lower():
                raise WarehouseUnusable(
                    f"{path} can't be opened: {error}. Check the permissions and the disk. If the"
                    " file is damaged, restore a backup, or move it away: `analytics-pipeline"
                    " sync` then loads everything delivered again (versions that Vocareum has"
                    " overwritten since exist only in the backup)."
                ) from None
            if time.monotonic() >= deadline:
                raise WarehouseBusy(
                    f"{path} is open in another program that does not use the pipeline's lock:"
                    f" {error}. Close it there; read the published file analytics.duckdb instead,"
                    " which is never locked."
                ) from None
            time.sleep(0.2)


@cache
def _expect_no_pandas() -> None:
    """Let `import pandas` fail at once where pandas is not installed.

    DuckDB tries that import for each parameter of each query, and Python searches its whole path
    each time. That was half of the time of recording the tests' verdicts.
    """
    if find_spec("pandas") is None:
        sys.modules["pandas"] = None  # type: ignore[assignment]
