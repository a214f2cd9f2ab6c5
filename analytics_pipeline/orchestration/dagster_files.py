"""Read Dagster's SQLite files without Dagster and without writing; recognise damaged ones.

Does not import Dagster, as `status` and `doctor` use it.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from analytics_pipeline.errors import PipelineError

SENSOR = "missing_partitions"
"""The sensor that loads; `raw/sensor.py` defines it."""
WORK = {
    SENSOR: "nothing is loaded automatically",
    "models_follow_loads": "loads change no model, and nothing is published",
    "alerts": "no alert is sent",
}
"""The sensors without which the daemon is of little use, and what it means if one is off."""
DAEMON_LOCK = "daemon.lock"
"""File in DAGSTER_HOME that the daemon locks, and writes when it starts."""
_RUNS = Path("history", "runs.db")
_INDEX = Path("history", "runs", "index.db")
_SCHEDULES = Path("schedules", "schedules.db")
_SENSORS = """
    WITH sensors AS (
        SELECT id, selector_id, status, instigator_body ->> '$.origin.job_name' AS name,
            instigator_body
            ->> '$.origin.external_repository_origin.repository_location_origin.location_name'
            AS location
        FROM instigators)
"""
"""Dagster stores its objects as JSON, under the names that its first releases gave them."""
_NEWEST_TICK = (
    _SENSORS
    + """
    SELECT tick.status, tick.timestamp, tick.tick_body
    FROM sensors JOIN job_ticks AS tick USING (selector_id)
    WHERE name = :sensor AND :location IN ('', location) AND sensors.status <> 'STOPPED'
    AND (:unfinished OR tick.status <> 'STARTED')
    ORDER BY tick.id DESC LIMIT 1"""
)
"""The newest tick. The order of recording decides, as a clock may have been wrong."""
_STATES = (
    _SENSORS + "SELECT name, status FROM sensors WHERE :location IN ('', location) ORDER BY id"
)
_EVALUATION = timedelta(minutes=15)
"""How long an evaluation of a sensor may take, besides the time between two of them."""
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


class FailedTick(NamedTuple):
    """A failed tick that is the newest one of the sensor that loads.

    Attributes:
        at: when it began (UTC).
        error: first line of the error that caused it.
    """

    at: datetime
    error: str

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return (
            f"The Dagster UI shows the full error (Automation, {SENSOR}). The next tick tries again"
            " automatically. Until the cause is gone, load what is delivered with"
            " `analytics-pipeline sync`."
        )

    def __str__(self) -> str:
        return (
            f"Dagster's sensor {SENSOR} failed at {self.at:%Y-%m-%d %H:%M} UTC, so nothing is"
            f" loaded automatically: {self.error.rstrip('.')}. {self.remedy}"
        )


class SilentSensor(NamedTuple):
    """The sensor that loads, which a living daemon has not evaluated for too long.

    Attributes:
        since: when its newest evaluation began, or the daemon if that was later (UTC).
    """

    since: datetime

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return (
            "Most likely the code location does not load: the Dagster UI shows its error"
            " (Deployment), and so does the daemon's output. Correct it and restart the daemon."
            " Until then, load what is delivered with `analytics-pipeline sync`."
        )

    def __str__(self) -> str:
        return (
            f"Dagster's daemon is alive, but has not evaluated its sensor {SENSOR} since"
            f" {self.since:%Y-%m-%d %H:%M} UTC, so nothing is loaded automatically. {self.remedy}"
        )


def damaged_database(home: Path) -> DagsterDamaged | None:
    """Check the databases that every run needs; return the error that names a damaged one.

    Reads the databases completely, which takes a fifth of a second of CPU time for 200 MB.

    Args:
        home: DAGSTER_HOME. It may be missing, or keep its records elsewhere.
    """
    for file in (home / _RUNS, home / _INDEX, home / _SCHEDULES):
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
        DagsterDamaged, DagsterUnreadable: see `_rows`.
    """
    rows = _rows(home / _RUNS, "SELECT timestamp FROM daemon_heartbeats")
    return [_utc(text) for (text,) in rows if text]


def failed_tick(home: Path, location: str) -> FailedTick | None:
    """Return the sensor's newest tick if it failed; None while the sensor is switched off.

    Args:
        home: DAGSTER_HOME.
        location: name of the organisation's code location; empty if there is only one.

    Raises:
        DagsterDamaged, DagsterUnreadable: see `_rows`.
    """
    row = _newest_tick(home, location)
    if row and row[0] == "FAILURE":
        return FailedTick(_utc(row[1]), _cause(json.loads(row[2])["error"]))
    return None


def silent_sensor(
    home: Path, location: str, now: datetime, interval: timedelta
) -> SilentSensor | None:
    """Return the sensor that loads, if a living daemon has not evaluated it for long; None while it
    is switched off.

    A time that far in the future comes from a wrong clock. It proves nothing either.

    Args:
        home: DAGSTER_HOME.
        location: as for `failed_tick`.
        now: UTC.
        interval: time between two evaluations.

    Raises:
        DagsterDamaged, DagsterUnreadable: see `_rows`.
    """
    row = _newest_tick(home, location, unfinished=True)
    began = [_utc(row[1])] if row else []
    with suppress(OSError):
        began.append(datetime.fromtimestamp((home / DAEMON_LOCK).stat().st_mtime, UTC))
    nearest = min(began, key=lambda at: abs(now - at), default=now)
    is_silent = abs(now - nearest) > 2 * interval + _EVALUATION
    if is_silent and SENSOR not in switched_off(home, location):
        return SilentSensor(nearest)
    return None


def switched_off(home: Path, location: str) -> tuple[str, ...]:
    """Return the names of the sensors in `WORK` that a person has switched off.

    Args:
        home: DAGSTER_HOME.
        location: as for `failed_tick`.

    Raises:
        DagsterDamaged, DagsterUnreadable: see `_rows`.
    """
    states = dict(_rows(home / _SCHEDULES, _STATES, location=location))
    return tuple(name for name in WORK if states.get(name) == "STOPPED")


def _newest_tick(
    home: Path, location: str, *, unfinished: bool = False
) -> tuple[str, str, str] | None:
    """Return status, time and body of the sensor's newest tick."""
    values = {"sensor": SENSOR, "location": location, "unfinished": unfinished}
    return next(iter(_rows(home / _SCHEDULES, _NEWEST_TICK, **values)), None)


def _rows(file: Path, sql: str, **values: object) -> list[Any]:
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


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _cause(error: dict[str, Any] | None) -> str:
    """Return the first line of the innermost error: the outer ones only say where it occurred."""
    while error and (error["cause"] or error["context"]):
        error = error["cause"] or error["context"]
    lines = error["message"].strip().splitlines() if error else []
    return lines[0] if lines else "no error is recorded"


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
