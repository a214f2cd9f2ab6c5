"""What Dagster's files say about the daemon: whether it is alive, and whether its sensors work."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from analytics_pipeline.cli.heartbeat import is_recent, nearest
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.orchestration.dagster_files import (
    DagsterDamaged,
    DagsterUnreadable,
    recorded_heartbeats,
)
from analytics_pipeline.orchestration.sensor_faults import (
    ALERTS,
    MODELS,
    OFF,
    PING,
    FailedTick,
    SilentSensor,
    failed_tick,
    silent_sensor,
    switched_off,
)
from analytics_pipeline.settings import Settings


@dataclass(frozen=True)
class DaemonState:
    """State of the daemon. While it is stopped, nothing is said about its sensors.

    Attributes:
        heartbeat: its heartbeat that is nearest to now (UTC); None if there never was one.
        fault: why the sensor that loads or the one that publishes does not work, or why that is
            unknown; None if both work, or are switched off.
        unsent: the failed tick of the sensor `alerts`; None if every recipient has got all alerts,
            or the sensor is switched off.
        unpinged: the failed tick of the sensor `ping`; None if the monitoring service is pinged, or
            there is none.
        switched_off: names of important sensors and schedules that a person has switched off.
    """

    heartbeat: datetime | None
    fault: FailedTick | SilentSensor | DagsterUnreadable | None = None
    unsent: FailedTick | None = None
    unpinged: FailedTick | None = None
    switched_off: tuple[str, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Return whether Dagster's records can't be read."""
        return isinstance(self.fault, DagsterUnreadable)

    def is_alive(self, now: datetime) -> bool:
        """Return whether its heartbeat is recent; one in the future does not count."""
        return is_recent(self.heartbeat, now)

    @property
    def faults(self) -> list[str]:
        """Return a message for each sensor that does not work, in one line."""
        found = (self.fault, self.unsent, self.unpinged)
        return [one_line(str(fault)) for fault in found if fault]

    @property
    def off_notice(self) -> str:
        """Return a message about what is switched off; empty if nothing is."""
        if not self.switched_off:
            return ""
        names = ", ".join(f"{name} ({OFF[name]})" for name in self.switched_off)
        return f"Switched off in the Dagster UI: {names}. Switch it on there, under Automation."


def daemon_state(settings: Settings, now: datetime) -> DaemonState:
    """Read the state of the daemon; `now` is UTC.

    Says nothing about a damaged database: `status` and `doctor` check all of them.
    """
    try:
        return _recorded(settings, now)
    except DagsterDamaged:
        return DaemonState(None)
    except DagsterUnreadable as error:
        return DaemonState(None, error)


def _recorded(settings: Settings, now: datetime) -> DaemonState:
    home, location = settings.dagster_home, settings.key_prefix
    state = DaemonState(nearest(recorded_heartbeats(home), now))
    if not state.is_alive(now):
        return state
    interval = timedelta(seconds=settings.feed_poll_seconds)
    return replace(
        state,
        fault=failed_tick(home, location)
        or silent_sensor(home, location, now, interval)
        or failed_tick(home, location, MODELS),
        unsent=failed_tick(home, location, ALERTS),
        unpinged=failed_tick(home, location, PING),
        switched_off=switched_off(home, location),
    )
