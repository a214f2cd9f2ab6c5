"""Retry policy for S3 requests, and how long a failure is cached.

The callers decide which failures are transient.
"""

import time

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from analytics_pipeline.vocareum.errors import VocareumError

BUDGET = 60.0
"""Seconds after which no new attempt starts; a running attempt may finish."""

_ATTEMPTS = 8  # if one response in five is bad, 0.2 ** 8: one file in 400,000 fails

_CACHED = 10.0  # seconds


def with_retries(budget: float, *transient: type[Exception]) -> Retrying:
    """Return a caller that retries on these errors, and raises the last one at the end.

    Args:
        budget: seconds after the start of the first attempt in which another may start.
        transient: the errors worth a retry.
    """
    return Retrying(
        retry=retry_if_exception_type(transient),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(budget),
        reraise=True,
    )


class LastFailure:
    """A recent failure that used up a retry budget.

    Callers that need the same thing raise it at once.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._error: VocareumError | None = None

    def remember(self, error: VocareumError) -> VocareumError:
        """Store the error for some seconds, and return it."""
        self._until, self._error = time.monotonic() + _CACHED, error
        return error

    def raise_cached(self) -> None:
        """Raise a copy of the stored error if it is recent.

        Raises:
            VocareumError: same type and text as the stored error.
        """
        if self._error and time.monotonic() < self._until:
            raise type(self._error)(self._error.message, self._error.remedy)
