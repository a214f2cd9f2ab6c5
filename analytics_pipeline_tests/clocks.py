"""Clocks that tests move, so that no test waits, and none depends on how fast the machine is."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock, moved ahead. It runs on, as what real servers and runs write down is in the machine's time.

    Args:
        step: how far each look at it moves it.
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
    """A monotonic clock that stands, and a sleep that moves it and takes no time.

    Attributes:
        waits: the sleeps, in seconds.
    """

    def __init__(self) -> None:
        self._now = 1_000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def pass_by(self, seconds: float) -> None:
        """Let time pass without anyone's sleep."""
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._now += seconds
