"""Let Python sleep under libfaketime; `.ci/flaky.py` puts this folder on PYTHONPATH.

libfaketime 0.9.10 shifts the deadline that `time.sleep` gives to clock_nanosleep although it leaves
the monotonic clock alone, so the call fails with EINVAL. Shifting the monotonic clock is worse:
locks and events with a timeout then wait for years.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
