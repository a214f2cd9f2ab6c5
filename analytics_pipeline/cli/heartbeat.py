"""Judge by the heartbeats of Dagster's daemon whether it is alive.

A clock that was ahead leaves heartbeats that are dated in the future. Like old ones, they don't
show that the daemon is alive.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

HEARTBEAT = timedelta(minutes=5)
"""A daemon counts as stopped if its nearest heartbeat is further away from now than this. It sends
one every 30 seconds."""


def nearest(heartbeats: Iterable[datetime], now: datetime) -> datetime | None:
    """Return the heartbeat (UTC) that is nearest to now; None if there never was one."""
    return min(heartbeats, key=lambda heartbeat: abs(now - heartbeat), default=None)


def is_recent(heartbeat: datetime | None, now: datetime) -> bool:
    """Return whether a daemon counts as alive, by its heartbeat (UTC) that is nearest to now."""
    return heartbeat is not None and abs(now - heartbeat) < HEARTBEAT


def dated_ahead(heartbeat: datetime | None, now: datetime) -> str:
    """Return a message if a heartbeat (UTC) is dated in the future; empty otherwise."""
    if heartbeat is None or is_recent(heartbeat, now) or heartbeat < now:
        return ""
    return (
        f"The heartbeat of Dagster's daemon is dated {heartbeat:%Y-%m-%d %H:%M} UTC, in the future:"
        " the clock of its machine was or is ahead. So the daemon does not count as alive. If it is"
        " running, correct that clock and restart the daemon."
    )
