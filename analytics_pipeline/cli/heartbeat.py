"""The heartbeats of Dagster's daemon: whether it lives.

A clock that was ahead leaves heartbeats that are dated in the future. They say as little as old
ones.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
        " the clock of its machine was or is ahead. It does not count as alive; if it runs, correct"
        " that clock and start it again."
    )


def recorded_heartbeats(home: Path) -> list[datetime]:
    """Return the last heartbeats (UTC) of Dagster's daemon, from Dagster's own file."""
    file = home / "history" / "runs.db"
    if not file.exists():
        return []
    try:
        # Without `immutable`, even a reader creates a write-ahead log and its index next to a file
        # that nobody has open.
        mode = "mode=ro" if file.with_name("runs.db-wal").exists() else "immutable=1"
        with closing(sqlite3.connect(f"{file.as_uri()}?{mode}", uri=True, timeout=1)) as connection:
            rows = connection.execute("SELECT timestamp FROM daemon_heartbeats").fetchall()
    except sqlite3.Error:
        return []
    return [datetime.fromisoformat(text).replace(tzinfo=UTC) for (text,) in rows if text]
