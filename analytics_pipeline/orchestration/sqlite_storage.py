"""Dagster's SQLite storage, without a new engine and connection for each statement.

Dagster 1.13 makes an engine for each event that it stores or reads. A new engine recompiles each
statement, and closing the only connection to a database in WAL mode copies the log back and
deletes it. Together that took a third of the CPU time of a `sync`. Files, tables and transactions
are Dagster's own, so that either storage continues where the other one stopped.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import dagster as dg
from sqlalchemy import Connection, create_engine

from analytics_pipeline.orchestration.dagster_private import (
    INDEX_SHARD_NAME,
    DagsterSqliteStorage,
    SqliteEventLogStorage,
    SqliteRunStorage,
)

_WAIT_SECONDS = 30.0
"""How long a writer waits for another process; Dagster waits as long for its event log."""
_MOST_OPEN = 4
"""Event databases that are kept open: the index, and the runs of the newest events."""


class SqliteStorage(DagsterSqliteStorage):
    """The storage that our dagster.yaml names."""

    def __init__(self, base_dir: str, inst_data: Any = None):
        super().__init__(base_dir, inst_data)
        events = Path(self._event_log_storage.path_for_shard(INDEX_SHARD_NAME)).parent
        self._run_storage = _Runs(self._run_storage._conn_string)
        self._event_log_storage = _EventLog(str(events))

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """Return this class; Dagster's method returns its own."""
        return cls.from_local(inst_data=inst_data, **config_value)


class _Runs(SqliteRunStorage):
    """Runs and their tags: one database."""

    def __init__(self, conn_string: str):
        self._database = _OpenDatabase(conn_string)
        super().__init__(conn_string)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._database.begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._database.engine.dispose()


class _EventLog(SqliteEventLogStorage):
    """Events: a database for each run, and the index of all runs."""

    def __init__(self, base_dir: str):
        self._databases: dict[str, _OpenDatabase] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir)

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table; Dagster asks it for each event of a check."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event, and touch the run's database.

        The UI follows a run by changes of that file, which SQLite defers while a connection stays
        open.
        """
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            database = self._open(shard)
            if shard not in self._initialized_dbs:
                self._initdb(database.engine)
                self._initialized_dbs.add(shard)
            with database.begin() as connection:
                yield connection

    def _open(self, shard: str) -> "_OpenDatabase":
        """Return a database, now the newest in use; the lock must be held."""
        database = self._databases.pop(shard, None)
        database = database or _OpenDatabase(self.conn_string_for_shard(shard))
        self._databases[shard] = database
        if len(self._databases) > _MOST_OPEN:
            self._databases.pop(next(iter(self._databases))).engine.dispose()
        return database

    def dispose(self) -> None:
        super().dispose()
        with self._db_lock:
            for database in self._databases.values():
                database.engine.dispose()


class _OpenDatabase:
    """A database with a connection that stays open while the path leads to the same file."""

    def __init__(self, conn_string: str):
        self.engine = create_engine(
            conn_string,
            pool_size=1,  # stays open
            max_overflow=-1,  # for other threads
            connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False},
        )
        self._file: tuple[int, int] | None = None

    def begin(self) -> AbstractContextManager[Connection]:
        """Begin a transaction in the file that the path leads to now.

        A file that was deleted or replaced is left, as by Dagster, which opens the path each time.
        """
        file = _identity(self.engine.url.database or "")
        if file != self._file:
            self.engine.dispose()
            self._file = file
        return self.engine.begin()


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file; None if there is none."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
