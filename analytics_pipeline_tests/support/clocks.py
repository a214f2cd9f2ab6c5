"""Clocks that tests move, so that no test waits or depends on the machine's speed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from analytics_pipeline.storage import clock


class Clock:
    """The machine's clock, moved ahead.

    It keeps running, because real servers and runs record the machine's time.

    Args:
        step: how far each reading moves it.
    """

    def __init__(self, step: timedelta = timedelta()) -> None:
        self._ahead = timedelta()
        self._step = step
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._ahead += self._step
            return datetime.now(UTC) + self._ahead

    def move(self, **by: float) -> None:
        """Move it ahead, by the arguments of a timedelta."""
        with self._lock:
            self._ahead += timedelta(**by)


class Seconds:
    """A frozen monotonic clock, and a sleep that moves it without taking time.

    Attributes:
        waits: the sleeps, in seconds.
    """

    def __init__(self) -> None:
        self._now = 1_000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def pass_by(self, seconds: float) -> None:
        """Let time pass without a sleep."""
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._now += seconds


@contextmanager
def machine_ahead(**by: float) -> Iterator[None]:
    """Date what runs record in the block ahead, by the arguments of a timedelta.

    Dagster takes `time.time` for runs and events. The warehouse takes `warehouse_now`. Decisions
    about what is delivered keep the clock that they are given.
    """
    ahead, seconds = timedelta(**by), time.time
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time", lambda: seconds() + ahead.total_seconds())
        patched.setattr(clock, "utc_now", lambda: datetime.now(UTC) + ahead)
        yield
