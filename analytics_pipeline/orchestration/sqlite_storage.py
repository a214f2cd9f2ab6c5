"""Dagster's SQLite storage, without a new engine, connection and transaction for each statement.

Dagster 1.13 makes an engine for each event that it stores or reads. A new engine recompiles each
statement, and closing the only connection to a database in WAL mode copies the log back and
deletes it. Together that took a third of the CPU time of a `sync`. An event is then stored in up
to seven transactions, three of which ask for columns that every current database has. Files and
tables are Dagster's own, so that either storage continues where the other one stopped.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import dagster as dg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DatabaseError

from analytics_pipeline.orchestration.dagster_files import DagsterDamaged, means_damage
from analytics_pipeline.orchestration.dagster_private import (
    INDEX_SHARD_NAME,
    DagsterSqliteStorage,
    SqliteEventLogStorage,
    SqliteRunStorage,
)

_WAIT_SECONDS = 30.0
"""How long a writer waits for another process; Dagster waits as long for its event log."""
_BATCH = 500
"""Most events that are stored in one transaction."""
_MOST_OPEN = 4
"""Event databases that are kept open: the index, and the runs of the newest events."""


class SqliteStorage(DagsterSqliteStorage):
    """The storage that our dagster.yaml names."""

    def __init__(self, base_dir: str, inst_data: Any = None):
        super().__init__(base_dir, inst_data)
        events = Path(self._event_log_storage.path_for_shard(INDEX_SHARD_NAME)).parent
        self._run_storage = _Runs(self._run_storage._conn_string)
        self._event_log_storage = _EventLog(str(events))
        # Dagster passes the planned events of a run, and a range's materializations, as batches
        # only if this is set.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(_BATCH))

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
        with _naming_damage(self._database.file), self._database.begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._database.engine.dispose()


class _EventLog(SqliteEventLogStorage):
    """Events: a database for each run, and the index of all runs."""

    def __init__(self, base_dir: str):
        self._databases: dict[str, _OpenDatabase] = {}
        self._known: set[str] = set()
        self._together: _Together | None = None
        super().__init__(base_dir)

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Create the tables; those of a new run are a copy, if one can be made.

        Dagster reads all its migrations for each new run, and lets SQLite create and index twenty
        tables: a twentieth of a `sync`.
        """
        path = Path(engine.url.database or "")
        empty = path.parent.parent / f"empty_run_{dg.__version__}.db"
        is_new = path.stem != INDEX_SHARD_NAME and not path.exists()
        if is_new and empty.exists() and _copied(empty, path):
            return
        super()._initdb(engine, for_index_shard)
        if is_new and not empty.exists():
            for earlier in set(empty.parent.glob("empty_run_*")) - {empty}:
                earlier.unlink(missing_ok=True)
            _copied(path, empty)

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table; Dagster asks it for each event of a check."""
        return self._remember(table_name, super().has_table)

    def has_secondary_index(self, name: str) -> bool:
        """Return whether a migration is complete; Dagster asks it for each asset it reads."""
        return self._remember(name, super().has_secondary_index)

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Return whether the index has a column; Dagster asks it for each event of an asset."""
        ask = super()._has_asset_key_col_on_connection
        return self._remember(column_name, lambda name: ask(conn, name))

    def has_asset_key_col(self, column_name: str) -> bool:
        """Return whether the index has a column; Dagster asks it for each asset it reads."""
        return self._remember(column_name, super().has_asset_key_col)

    def _remember(self, name: str, ask: Callable[[str], bool]) -> bool:
        """Return an answer, and ask no more once it is yes: no migration takes anything away."""
        if name not in self._known and ask(name):
            self._known.add(name)
        return name in self._known

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events in one transaction per database, and touch the runs' databases.

        The UI follows a run by changes of that file, which SQLite defers while a connection stays
        open.
        """
        with self._transactions():
            for event in events:
                super().store_event(event)
        for run in {event.run_id for event in events}:
            os.utime(self.path_for_shard(run))

    @contextmanager
    def _transactions(self) -> Iterator[None]:
        """Put all that this thread writes to a database into one transaction."""
        with self._db_lock, ExitStack() as stack:
            self._together = _Together(threading.get_ident(), stack, {})
            try:
                yield
            finally:
                self._together = None

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        together = self._together
        with _naming_damage(Path(self.path_for_shard(shard))):
            if together and together.thread == threading.get_ident():
                if shard not in together.connections:
                    connection = together.stack.enter_context(self._begin(shard))
                    together.connections[shard] = connection
                yield together.connections[shard]
            else:
                with self._db_lock, self._begin(shard) as connection:
                    yield connection

    def _begin(self, shard: str) -> AbstractContextManager[Connection]:
        """Begin a transaction of a database; the lock must be held."""
        database = self._open(shard)
        if shard not in self._initialized_dbs:
            self._initdb(database.engine)
            self._initialized_dbs.add(shard)
        return database.begin()

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


class _Together(NamedTuple):
    """The transactions of the events that a thread stores together."""

    thread: int
    stack: ExitStack
    connections: dict[str, Connection]
    """By database."""


class _OpenDatabase:
    """A database with a connection that stays open while the path leads to the same file."""

    def __init__(self, conn_string: str):
        self.engine = create_engine(
            conn_string,
            pool_size=1,  # stays open
            max_overflow=-1,  # for other threads
            connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False},
        )
        self.file = Path(self.engine.url.database or "")
        self._identity: tuple[int, int] | None = None

    def begin(self) -> AbstractContextManager[Connection]:
        """Begin a transaction in the file that the path leads to now.

        If the file was deleted or replaced, opens the path again; Dagster opens it each time.
        """
        found = _identity(self.file)
        if found != self._identity:
            self.engine.dispose()
            self._identity = found
        return self.engine.begin()


def _copied(source: Path, target: Path) -> bool:
    """Copy a database, and return whether the target is the copy.

    It is not if another process made the target meanwhile, or if the folder has no space or no hard
    links. Dagster's own way follows, and reports what fails there, too.
    """
    existing = f"{source.absolute().as_uri()}?mode=rw"  # by default SQLite creates what is missing
    copy = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with (
            closing(sqlite3.connect(existing, uri=True)) as found,
            closing(sqlite3.connect(copy)) as made,
        ):
            found.backup(made)
            made.execute("PRAGMA journal_mode=WAL")
        os.link(copy, target)
    except (OSError, sqlite3.Error):
        return False
    finally:
        copy.unlink(missing_ok=True)
    return True


@contextmanager
def _naming_damage(file: Path) -> Iterator[None]:
    """Replace an error that means damage by one that names the file, which SQLite does not do.

    Raises:
        DagsterDamaged: the database is damaged.
    """
    try:
        yield
    except DatabaseError as error:
        if means_damage(error.orig):
            raise DagsterDamaged(file) from error
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
