"""The one door to the live database file: writers queue on a file lock, the connection is always closed.

Never open or copy the live file by other means in a process that has it open here: closing any handle of it drops
DuckDB's POSIX lock, and an update is lost that way. Analysts read the published copy (`publish.py`).
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.storage.folders import keep_private
from analytics_pipeline.warehouse.schema import ensure_schema, require_known
from analytics_pipeline.warehouse.sidecar import digest, is_untouched, judge, leave_sidecar

logger = logging.getLogger(__name__)

STORAGE_VERSION = "v1.0.0"
"""Files are written so that every DuckDB since 1.0.0 opens them."""
SETTINGS: dict[str, str | int | float | list[str]] = {
    "storage_compatibility_version": STORAGE_VERSION,
    "memory_limit": "1GB",
}


class WarehouseUnusable(PipelineError):
    """The warehouse can't be opened or written; the text says why and what to do."""


class WarehouseBusy(WarehouseUnusable):
    """Another process kept the warehouse for longer than we were ready to wait."""


@contextmanager
def private_files() -> Iterator[None]:
    """Files made inside are 0600 and folders 0700, whatever the umask."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def lock_warehouse(path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the warehouse's lock, which the system releases when the holder dies.

    Raises:
        WarehouseBusy: it was not free within `wait_seconds`.
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
    """Open the live warehouse for this process alone, made or migrated if need be.

    Args:
        path: the database file; its folder is made or kept 0700 and it 0600.
        wait_seconds: how long to queue behind other writers.

    Raises:
        FolderOpen: other users may enter the folder, which is not ours.
        WarehouseUnusable: others held it for longer, it is no database, or it can't be read or written.
        DiskFull: there is no room to write.
        SchemaTooNew: a later release wrote it.
    """
    with private_files(), _usable(path):
        keep_private(path.parent)
        with lock_warehouse(path, wait_seconds):
            is_same_file, ledger = is_untouched(path), None
            try:
                with closing(connect(path)) as connection:
                    ensure_schema(connection)
                    judge(connection, path, is_same_file=is_same_file)
                    try:
                        yield connection
                    finally:
                        with suppress(duckdb.Error):  # a broken one: the next writer judges
                            ledger = digest(connection)
            finally:
                leave_sidecar(path, ledger)


@contextmanager
def read_warehouse(path: Path, wait_seconds: float = 5) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the live warehouse to read, without the writers' lock: nothing is written, not even beside it.

    Args:
        path: the database file, which must exist.
        wait_seconds: how long to wait for a writer to leave.

    Raises:
        WarehouseBusy: a run writes it for longer.
        WarehouseUnusable: it is no database, or can't be read.
        SchemaTooNew: a later release wrote it.
    """
    with _usable(path), closing(connect(path, wait_seconds, read_only=True)) as connection:
        require_known(connection)
        yield connection


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Say what to do where the disk, not the data or the SQL, is at fault."""
    try:
        with translate_disk_full(path):
            yield
    except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException) as error:
        raise WarehouseUnusable(
            f"{path} could not be read or written: {error}. What was there before is as it was. Check the disk and the "
            "permissions, and run the same again."
        ) from None


@contextmanager
def closing(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Close a database at the end, whatever happens, once no thread holds anything of it."""
    try:
        yield connection
    finally:
        with suppress(duckdb.Error):  # one that is broken can still be closed
            let_go(connection)
        connection.close()


def let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Wait for DuckDB's worker threads to release their table references.

    When an answer is there, a thread may still be about to let go of the tables it took its part from; if the database is closed
    or detached just then, the process dies (DuckDB 1.5.5, once in some thousand closes of a busy machine). DuckDB waits for
    threads only where it is told to have fewer.
    """
    connection.execute("SET threads TO 1")
    connection.execute("RESET threads")


def connect(path: Path, patience_seconds: float = 10, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Connect, for those who hold the lock; somebody who opened the file without the lock (a DuckDB shell) gets a moment to leave."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=SETTINGS)
        except duckdb.Error as error:
            if "wal file" in str(error).lower():
                log = path.with_name(f"{path.name}.wal")
                raise WarehouseUnusable(
                    f"{path} can't be opened, as the log beside it is damaged: {error}.",
                    f"The database itself is most likely sound: move {log} away (keep it), not the database, and run the same "
                    "again. What the log alone held is lost: `analytics-pipeline sync` loads it again.",
                ) from None
            if "could not set lock" not in str(error).lower():
                raise WarehouseUnusable(
                    f"{path} can't be opened: {error}. Check the permissions and the disk. If the file is damaged, put back a "
                    "copy of it, or move it away: `analytics-pipeline sync` then loads everything delivered again (what "
                    "Vocareum has overwritten since is only in the copy)."
                ) from None
            if time.monotonic() > deadline:
                raise WarehouseBusy(
                    f"{path} is open in another program, which has not taken turns with the pipeline: {error}. "
                    "Close it there; read the published file analytics.duckdb instead, which is never locked."
                ) from None
            time.sleep(0.2)
