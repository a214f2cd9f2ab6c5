"""The day on which the tests began: one for all workers, also over midnight."""

import os
from datetime import UTC, date, datetime, timedelta

TODAY = date.fromisoformat(os.environ.setdefault("TESTS_BEGAN_ON", f"{datetime.now(UTC):%Y-%m-%d}"))
"""UTC. The process that starts the workers sets it, and they inherit it."""
YESTERDAY = TODAY - timedelta(days=1)


def yesterday() -> date:
    """Return the UTC day before today by the clock: later than YESTERDAY after midnight."""
    return datetime.now(UTC).date() - timedelta(days=1)


def days_since_yesterday() -> int:
    """Return the days since YESTERDAY by the clock: 1, or more after midnight."""
    return (yesterday() - YESTERDAY).days + 1
