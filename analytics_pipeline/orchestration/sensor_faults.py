"""Which sensors fail, are silent or are switched off by Dagster's records; and which schedules are
switched off.

Does not import Dagster, as `status` and `doctor` use it.
"""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from analytics_pipeline.orchestration.dagster_files import DAEMON_LOCK, SCHEDULES, rows, utc

SENSOR = "missing_partitions"
"""The sensor that loads; `raw/sensor.py` defines it."""
ALERTS = "alerts"
"""The sensor that sends alerts; `alerting/sensor.py` defines it."""
PING = "ping"
"""The sensor that pings a monitoring service; `alerting/ping.py` defines it."""
MODELS = "models_follow_loads"
"""The sensor that rebuilds and publishes; `models/automation.py` defines it."""
WORK = {
    SENSOR: "nothing is loaded automatically",
    MODELS: "loads change no model, and nothing is published",
    ALERTS: "no alert is sent",
}
"""The sensors without which the daemon is of little use, and what it means if one is off."""
_UNNOTICED = "{} files that are late or gone go unnoticed"
OFF = WORK | {
    "load_daily_files": _UNNOTICED.format("daily"),
    "load_monthly_files": _UNNOTICED.format("monthly"),
    "load_snapshot_files": _UNNOTICED.format("snapshot"),
}
"""WORK, and the schedules that load; `raw/schedules.py` defines them. The sensor loads what is
delivered even without them, but only scheduled runs notice what is not."""
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
_FAILING_SINCE = (
    _SENSORS
    + """, ticks AS (
        SELECT tick.id, tick.status, tick.timestamp
        FROM sensors JOIN job_ticks AS tick USING (selector_id)
        WHERE name = :sensor AND :location IN ('', location) AND tick.status <> 'STARTED')
    SELECT timestamp FROM ticks
    WHERE id > (SELECT coalesce(max(id), 0) FROM ticks WHERE status <> 'FAILURE')
    ORDER BY id LIMIT 1"""
)
"""The first failed tick after the newest one that did not fail."""
_STATES = (
    _SENSORS + "SELECT name, status FROM sensors WHERE :location IN ('', location) ORDER BY id"
)
_OUR_CLASS = re.compile(r"^analytics_pipeline\.[\w.]+: ")
"""What Dagster writes before the text of an error of ours."""
_EVALUATION = timedelta(minutes=15)
"""How long an evaluation of a sensor may take, besides the time between two of them."""
_UNSENT = {
    ALERTS: "Alerts have not reached every recipient",
    PING: "The monitoring service has got no ping",
}
"""What a failed tick means for the sensors that send something."""


class FailedTick(NamedTuple):
    """A failed tick that is the newest one of a sensor in `WORK`, or of `PING`.

    Attributes:
        sensor: name of the sensor.
        at: when it began (UTC).
        since: when the first of the failed ticks without another one between them began (UTC).
        error: first line of the error that caused it.
    """

    sensor: str
    at: datetime
    since: datetime
    error: str

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return what_to_do(self.sensor)

    def __str__(self) -> str:
        error = self.error.rstrip(".")
        if self.sensor in _UNSENT:
            return (
                f"{_UNSENT[self.sensor]} since {self.since:%Y-%m-%d %H:%M} UTC: {error}."
                f" {self.remedy}"
            )
        return (
            f"Dagster's sensor {self.sensor} failed at {self.at:%Y-%m-%d %H:%M} UTC, so"
            f" {WORK[self.sensor]}: {error}. {self.remedy}"
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


def what_to_do(sensor: str) -> str:
    """Return what to do about a sensor in `WORK`, or about `PING`, that fails."""
    remedy = (
        f"The Dagster UI shows the full error (Automation, {sensor}). The next tick tries again"
        " automatically."
    )
    if sensor in _UNSENT:
        return remedy
    return (
        f"{remedy} Until the cause is gone, load what is delivered, and publish, with"
        " `analytics-pipeline sync`."
    )


def failed_tick(home: Path, location: str, sensor: str = SENSOR) -> FailedTick | None:
    """Return a sensor's newest tick if it failed; None while the sensor is switched off.

    Args:
        home: DAGSTER_HOME.
        location: name of the organisation's code location; empty if there is only one.
        sensor: name of the sensor.

    Raises:
        DagsterDamaged, DagsterUnreadable: see `dagster_files.rows`.
    """
    row = _newest_tick(home, location, sensor)
    if row is None or row[0] != "FAILURE":
        return None
    at, values = utc(row[1]), {"sensor": sensor, "location": location}
    # an evaluation may have ended in the meantime: then no failed tick is left
    since = next((utc(text) for (text,) in rows(home / SCHEDULES, _FAILING_SINCE, **values)), at)
    return FailedTick(sensor, at, since, _cause(json.loads(row[2])["error"]))


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
        DagsterDamaged, DagsterUnreadable: see `dagster_files.rows`.
    """
    row = _newest_tick(home, location, SENSOR, unfinished=True)
    began = [utc(row[1])] if row else []
    with suppress(OSError):
        began.append(datetime.fromtimestamp((home / DAEMON_LOCK).stat().st_mtime, UTC))
    nearest = min(began, key=lambda at: abs(now - at), default=now)
    is_silent = abs(now - nearest) > evaluation_limit(interval)
    if is_silent and SENSOR not in switched_off(home, location):
        return SilentSensor(nearest)
    return None


def evaluation_limit(interval: timedelta) -> timedelta:
    """Return after which time without an evaluation a sensor does not work.

    Args:
        interval: time between two evaluations.
    """
    return 2 * interval + _EVALUATION


def switched_off(home: Path, location: str) -> tuple[str, ...]:
    """Return the names of the sensors and schedules in `OFF` that a person has switched off.

    Args:
        home: DAGSTER_HOME.
        location: as for `failed_tick`.

    Raises:
        DagsterDamaged, DagsterUnreadable: see `dagster_files.rows`.
    """
    states = dict(rows(home / SCHEDULES, _STATES, location=location))
    return tuple(name for name in OFF if states.get(name) == "STOPPED")


def _newest_tick(
    home: Path, location: str, sensor: str, *, unfinished: bool = False
) -> tuple[str, str, str] | None:
    """Return status, time and body of a sensor's newest tick."""
    values = {"sensor": sensor, "location": location, "unfinished": unfinished}
    return next(iter(rows(home / SCHEDULES, _NEWEST_TICK, **values)), None)


def _cause(error: dict[str, Any] | None) -> str:
    """Return the first line of the innermost error: the outer ones only say where it occurred.

    An error of ours is a text for people, so that its class is left out.
    """
    while error and (error["cause"] or error["context"]):
        error = error["cause"] or error["context"]
    lines = error["message"].strip().splitlines() if error else []
    return _OUR_CLASS.sub("", lines[0]) if lines else "no error is recorded"
