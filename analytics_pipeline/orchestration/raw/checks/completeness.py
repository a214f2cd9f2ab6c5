"""Detect missing or unusually small deliveries, from the ledger's counts. Pure.

`delivery.py` turns them into checks. `warehouse/lateness.py` decides what is late; `ingest/`
validates single files.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import median

from analytics_pipeline.datasets import Cadence, Dataset

WEEKS_COMPARED = 8
LEAST_COMPARED = 3
DAYS_JUDGED = 7
USUAL_SHARE = 0.5
"""A day with fewer than this share of its weekday's usual rows is a drop."""
SCATTER = 3
"""Counts scatter by their square root. A drop must exceed this multiple, or a dozen sessions a day
would raise it by chance."""


def missing(dataset: Dataset, delivered: Collection[date]) -> list[date]:
    """Return days or months without a delivery between the first and the last one, in order."""
    if not delivered or dataset.period is None:
        return []
    known, day, last, absent = set(delivered), min(delivered), max(delivered), []
    while day < last:
        day = _next(dataset, day)
        if day not in known:
            absent.append(day)
    return absent


@dataclass(frozen=True)
class Drop:
    """A day with far fewer rows than usual."""

    day: date
    rows: int
    usual: int


def drops(dataset: Dataset, rows: Sequence[tuple[date, int]]) -> list[Drop]:
    """Return the newest days with far fewer rows than the same weekday usually has.

    An accumulating dataset may restart with a month, so it is compared only with days of the same
    month.

    Args:
        dataset: a daily dataset.
        rows: loaded rows by day, in any order.
    """
    by_day = dict(rows)
    low_days = []
    for day in sorted(by_day)[-DAYS_JUDGED:]:
        before = [day - timedelta(weeks=week) for week in range(1, WEEKS_COMPARED + 1)]
        if dataset.accumulates:
            before = [date for date in before if (date.year, date.month) == (day.year, day.month)]
        counts = [by_day[date] for date in before if date in by_day]
        if len(counts) < (1 if dataset.accumulates else LEAST_COMPARED):
            continue
        usual = median(counts)
        if by_day[day] < min(usual * USUAL_SHARE, usual - SCATTER * sqrt(usual)):
            low_days.append(Drop(day, by_day[day], round(usual)))
    return low_days


def ranges(days: Sequence[date], dataset: Dataset) -> list[tuple[date, date, int]]:
    """Group sorted days or months into ranges: first, last, count."""
    grouped: list[tuple[date, date, int]] = []
    for day in days:
        if grouped and _next(dataset, grouped[-1][1]) == day:
            first, _, count = grouped.pop()
            grouped.append((first, day, count + 1))
        else:
            grouped.append((day, day, 1))
    return grouped


def _next(dataset: Dataset, day: date) -> date:
    if dataset.cadence is Cadence.DAILY:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
