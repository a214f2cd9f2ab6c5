"""The clock, in one place: decisions take the time as an argument, and only the edges ask here."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time with its zone, UTC."""
    return datetime.now(UTC)


def warehouse_now() -> datetime:
    """Return the time as the warehouse keeps it: UTC, without a zone."""
    return utc_now().replace(tzinfo=None)
