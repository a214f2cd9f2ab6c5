"""Pauses between attempts at a failing file, and their number.

`vocareum/retry.py` has the pauses within one transfer.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """Retries of a file with exponential backoff: after 15 minutes, 1 h, 4 h, 16 h, a day."""

    first_pause: timedelta = timedelta(minutes=15)
    factor: int = 4
    longest_pause: timedelta = timedelta(days=1)
    attempts: int = 5

    def pause(self, tried: int) -> timedelta:
        """Return the pause after this number of attempts."""
        return min(self.first_pause * self.factor ** min(tried - 1, 10), self.longest_pause)


RETRY_POLICY = RetryPolicy()
