"""Let Python sleep while libfaketime moves its clock; `.ci/flaky.py` puts this folder on PYTHONPATH.

libfaketime 0.9.10 moves the deadline that `time.sleep` gives to clock_nanosleep, although it leaves the monotonic clock alone, and the
call fails with EINVAL. Moving the monotonic clock is worse: locks and events with a timeout then wait for years.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
