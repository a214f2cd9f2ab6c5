"""Retry policy for S3 requests, and how long a failure is cached.

What is worth repeating is decided where the answer is understood.
"""

import time

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

from analytics_pipeline.vocareum.errors import VocareumError

BUDGET = 60.0
"""Seconds after which nothing is asked for once more; an attempt that is under way by then may end."""

_ATTEMPTS = 8  # where one answer in five is spoilt, 0.2 ** 8: one file in 400,000 is given up

_BELIEVED = 10.0  # seconds


def patiently(budget: float, *worth_repeating: type[Exception]) -> Retrying:
    """Repeats a call that raises such an error, and raises the last one when attempts or time are used up.

    Args:
        budget: seconds after the first attempt's begin in which another one may begin.
        worth_repeating: the errors that may pass.
    """
    return Retrying(
        retry=retry_if_exception_type(worth_repeating),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(budget),
        reraise=True,
    )


class LastFailure:
    """The failure that somebody just spent a whole budget on: others who need the same need not spend theirs."""

    def __init__(self) -> None:
        self._until = 0.0
        self._error: VocareumError | None = None

    def remember(self, error: VocareumError) -> VocareumError:
        """Keep the error for some seconds; gives it back."""
        self._until, self._error = time.monotonic() + _BELIEVED, error
        return error

    def raise_again(self) -> None:
        """Raise the error anew if it is that young.

        Raises:
            VocareumError: of the kind, and with the words, that was remembered.
        """
        if self._error and time.monotonic() < self._until:
            raise type(self._error)(self._error.message, self._error.remedy)
