"""The heartbeats of Dagster's daemon: whether it lives.

A clock that was ahead leaves heartbeats that are dated in the future. They say as little as old
ones.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

HEARTBEAT = timedelta(minutes=5)
"""A daemon whose heartbeat is further away from now counts as stopped; it sends one every 30
seconds."""


def nearest(heartbeats: Iterable[datetime], now: datetime) -> datetime | None:
    """Return the heartbeat (UTC) that is nearest to now; None if there never was one."""
    return min(heartbeats, key=lambda heartbeat: abs(now - heartbeat), default=None)


def is_recent(heartbeat: datetime | None, now: datetime) -> bool:
    """Return whether a daemon with this nearest heartbeat (UTC) counts as alive."""
    return heartbeat is not None and abs(now - heartbeat) < HEARTBEAT


def dated_ahead(heartbeat: datetime | None, now: datetime) -> str:
    """Return what to say of a heartbeat (UTC) that is dated in the future; empty if it is not."""
    if heartbeat is None or is_recent(heartbeat, now) or heartbeat < now:
        return ""
    return (
        f"The heartbeat of Dagster's daemon is dated {heartbeat:%Y-%m-%d %H:%M} UTC, in the future:"
        " the clock of its machine was or is ahead. So the daemon does not count as alive. If it is"
        " running, correct that clock and restart the daemon."
    )
