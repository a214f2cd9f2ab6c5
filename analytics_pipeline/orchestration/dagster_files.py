"""Read Dagster's SQLite files without Dagster and without writing; recognise damaged ones.

Does not import Dagster, as `status` and `doctor` use it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics_pipeline.errors import PipelineError

DAEMON_LOCK = "daemon.lock"
"""File in DAGSTER_HOME that the daemon locks, and writes when it starts."""
_RUNS = Path("history", "runs.db")
_INDEX = Path("history", "runs", "index.db")
SCHEDULES = Path("schedules", "schedules.db")
"""Database of the states and ticks of sensors and schedules."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ATTEMPTS = 3
"""How often a file must look damaged: while another process writes it, it can look so once."""


class DagsterDamaged(PipelineError):
    """A database of Dagster's instance is damaged."""

    def __init__(self, file: Path) -> None:
        in_runs = file.parent.name == "runs"
        if in_runs and file.name != _INDEX.name:
            remedy = f"Move it away. Only the log of the run {file.stem} is lost."
        else:
            remedy = (
                "Stop Dagster's daemon and UI. Move the folders history, schedules and storage out"
                f" of {file.parents[2 if in_runs else 1]}. Then run `analytics-pipeline sync` for"
                " each organisation: it records again what the warehouse holds. No data is lost,"
                " only Dagster's history: runs, attempts at failing files, and what somebody"
                " switched off in the UI."
            )
        super().__init__(f"Dagster's database {file} is damaged.", remedy)


class DagsterUnreadable(PipelineError):
    """A database of Dagster's instance can't be read, so that nothing is known of the daemon."""

    def __init__(self, file: Path, error: sqlite3.Error) -> None:
        super().__init__(
            f"Whether Dagster's daemon works is unknown, as {file} can't be read: {error}.",
            "Check its permissions and the disk, and run the command again.",
        )


def damaged_database(home: Path) -> DagsterDamaged | None:
    """Check the databases that every run needs; return the error that names a damaged one.

    Reads the databases completely, which takes a fifth of a second of CPU time for 200 MB.

    Args:
        home: DAGSTER_HOME. It may be missing, or keep its records elsewhere.
    """
    for file in (home / _RUNS, home / _INDEX, home / SCHEDULES):
        if all(_is_damaged(file) for _ in range(_ATTEMPTS)):
            return DagsterDamaged(file)
    return None


def means_damage(error: BaseException | None) -> bool:
    """Return whether an error of SQLite means that its file is damaged, not busy or out of reach.

    The low byte of SQLite's code is the kind of error; the other bytes are details.
    """
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def recorded_heartbeats(home: Path) -> list[datetime]:
    """Return the last heartbeat (UTC) of each part of the daemon; empty if there never was one.

    Raises:
        DagsterDamaged, DagsterUnreadable: see `rows`.
    """
    recorded = rows(home / _RUNS, "SELECT timestamp FROM daemon_heartbeats")
    return [utc(text) for (text,) in recorded if text]


def rows(file: Path, sql: str, **values: object) -> list[Any]:
    """Return the rows of a query; none if Dagster has not made the database, or its table, yet.

    Raises:
        DagsterDamaged: the database is damaged.
        DagsterUnreadable: it can't be read for another reason.
    """
    if not file.exists():
        return []
    try:
        with _opened(file) as connection:
            return connection.execute(sql, values).fetchall()
    except sqlite3.Error as error:
        if means_damage(error):
            raise DagsterDamaged(file) from error
        if str(error).startswith("no such table"):
            return []
        raise DagsterUnreadable(file, error) from error


def utc(text: str) -> datetime:
    """Return a time of Dagster's records, which have no timezone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _is_damaged(file: Path) -> bool:
    try:
        with _opened(file) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    except sqlite3.Error as error:
        return means_damage(error)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a database read-only.

    Raises:
        sqlite3.Error: it is missing, busy or damaged.
    """
    # Without `immutable`, even a reader creates a write-ahead log and its index next to a file
    # that nobody has open.
    mode = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{file.as_uri()}?{mode}", uri=True, timeout=1)) as connection:
        yield connection
