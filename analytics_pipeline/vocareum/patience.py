"""How often and how long a request to S3 is repeated: one rule for listings and for bodies.

What is worth repeating is decided where the answer is understood.
"""

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential

BUDGET = 60.0
"""Seconds after which nothing is asked for once more; an attempt that is under way by then may end."""

_ATTEMPTS = 8  # where one answer in five is spoilt, 0.2 ** 8: one file in 400,000 is given up


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
