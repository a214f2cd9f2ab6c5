"""Dagster's SQLite files: read them without Dagster and without a write, and tell damaged ones.

Does not import Dagster, as `status` and `doctor` use it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from analytics_pipeline.errors import PipelineError

_RUNS = Path("history", "runs.db")
_INDEX = Path("history", "runs", "index.db")
_SCHEDULES = Path("schedules", "schedules.db")
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ATTEMPTS = 3
"""How often a file must be found damaged: while another process writes it, it can look so once."""


class DagsterDamaged(PipelineError):
    """A database of Dagster's instance is damaged."""

    def __init__(self, file: Path) -> None:
        in_runs = file.parent.name == "runs"
        if in_runs and file.name != _INDEX.name:
            remedy = f"Move it away. Only the log of the run {file.stem} is lost."
        else:
            remedy = (
                "Stop Dagster's daemon and UI, move the folders history, schedules and storage of"
                f" {file.parents[2 if in_runs else 1]} away, and run `analytics-pipeline sync` for"
                " each organisation: it records again what the warehouse holds. No data is lost,"
                " only Dagster's history: runs, attempts at failing files, and what somebody"
                " switched off in the UI."
            )
        super().__init__(f"Dagster's database {file} is damaged.", remedy)


def damaged_database(home: Path) -> DagsterDamaged | None:
    """Check the databases that every run needs; return the error that names a damaged one.

    Reads them whole: a fifth of a second of CPU time for 200 MB.

    Args:
        home: DAGSTER_HOME. It may be missing, or keep its records elsewhere.
    """
    for file in (home / _RUNS, home / _INDEX, home / _SCHEDULES):
        if all(_is_damaged(file) for _ in range(_ATTEMPTS)):
            return DagsterDamaged(file)
    return None


def means_damage(error: BaseException | None) -> bool:
    """Return whether an error of SQLite means that its file is damaged, not busy or out of reach.

    The low byte of SQLite's code is the kind of error, the others are details.
    """
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def recorded_heartbeats(home: Path) -> list[datetime]:
    """Return the last heartbeats (UTC) of the daemon's parts; empty if none can be read."""
    with suppress(sqlite3.Error), _opened(home / _RUNS) as connection:
        rows = connection.execute("SELECT timestamp FROM daemon_heartbeats").fetchall()
        return [datetime.fromisoformat(text).replace(tzinfo=UTC) for (text,) in rows if text]
    return []


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
