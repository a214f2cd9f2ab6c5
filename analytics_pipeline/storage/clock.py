"""The clock. Decisions take the time as an argument; only the edges read it here."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def warehouse_now() -> datetime:
    """Return the current time as the warehouse stores it: UTC, without a timezone."""
    return utc_now().replace(tzinfo=None)
