"""Daily spend as an ideal reader infers it from both providers' reports and bills, without SQL.

spend.py simulates the spend. These rules turn accumulated values into daily ones:

- Each reported value gives one entry, zero if nothing changed. If a file does not list
  a series, the series has no entry on that day.
- A value that falls is a dip if the next one is back at or above the value before. Otherwise it is
  a restart if it is below half of the value before, or if a month begins in a feed that restarts
  monthly. Otherwise it is a correction. In Azure each month is a series of its own, in which
  nothing restarts.
- Within an accumulation no value counts for more than a later one. A dip does not count at all.
- `cost`: the counted value minus the previous counted one; the value itself where an accumulation
  begins.
- `is_first`: the series' first value in the feed (in Azure: in that month).
- `is_opening_balance`: from the first aws_cost file, whose accumulation began at an unknown time.
- `days_covered`: days since the series' previous counted value. For a first value: since the
  provider's previous file, even one with only its header; 1 in the first aws_cost file. In Azure
  it never reaches across the start of the month; in the very first file it is the day of the
  month. Nor does a restart with the month, as a feed that restarts monthly or the month's bill
  shows it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from analytics_pipeline.demo.organisation.spend import Reports, Series
from analytics_pipeline.demo.organisation.truth import ObservableSpend

_ZERO = Decimal(0)


@dataclass(frozen=True)
class _Value:
    """An accumulated value, as reported or as counted, and the reading of its fall, if it fell.

    Attributes:
        opens_month: whether it restarted with its month.
    """

    day: date
    amount: Decimal
    fall: str | None = None
    opens_month: bool = False


def observe(
    reports: Reports,
    course_of: Callable[[int], int | None],
    bills: Reports,
    *,
    restarts_monthly: bool = False,
) -> Iterator[ObservableSpend]:
    """Yield one provider's entries.

    Args:
        reports: the provider's accumulated values.
        course_of: returns a part's course, None if unmapped.
        bills: service_spend in US dollars by first of the month.
        restarts_monthly: whether AWS accumulates anew each month.
    """
    files = sorted(reports)
    since = {day: (day - before).days for before, day in pairwise(files)}
    reported: dict[tuple[Series, int], list[_Value]] = defaultdict(list)
    for day in files:
        for series, amount in reports[day].items():
            month = _month(day) if series.provider == "azure" else 0
            reported[series, month].append(_Value(day, amount))
    for (series, _), values in sorted(reported.items()):
        read = _read(series, values, bills, restarts_monthly)
        yield from _entries(series, read, since, course_of(series.part_id))


def _read(
    series: Series, values: Sequence[_Value], bills: Reports, restarts_monthly: bool
) -> list[_Value]:
    """Classify each value that falls."""
    read = list(values)
    for n, (before, value) in enumerate(pairwise(values), 1):
        if value.amount < before.amount:
            after = values[n + 1].amount if n + 1 < len(values) else None
            is_new_month = _month(before.day) < _month(value.day)
            opens = restarts_monthly and is_new_month
            fall = _fall(series.provider, before.amount, value.amount, after, opens)
            billed = bills.get(value.day.replace(day=1), {}).get(series)
            is_billed = is_new_month and fall == "restart" and _is_billed(values[n:], billed)
            read[n] = replace(value, fall=fall, opens_month=opens or is_billed)
    return read


def _is_billed(values: Sequence[_Value], billed: Decimal | None) -> bool:
    """Return whether the month of the first value was billed about what accumulated since.

    It does not tell if a later value of the month fell, too.
    """
    inside = [value.amount for value in values if _month(value.day) == _month(values[0].day)]
    return (
        billed is not None
        and inside == sorted(inside)
        and abs(billed - inside[-1]) * 4 <= inside[0]
    )


def _fall(
    provider: str, before: Decimal, value: Decimal, after: Decimal | None, opens: bool
) -> str:
    if opens:
        return "restart"
    if after is not None and after >= before:
        return "dip"
    return "restart" if provider == "aws" and value * 2 < before else "correction"


def _entries(
    series: Series, values: Sequence[_Value], since: Mapping[date, int], course_id: int | None
) -> Iterator[ObservableSpend]:
    last, counted = _ZERO, None
    for n, value in enumerate(values):
        rest = values[n:]
        end = next((m for m, later in enumerate(rest[1:], 1) if later.fall == "restart"), len(rest))
        if value.fall == "restart":
            last = _ZERO
        counts = (
            last
            if value.fall == "dip"
            else min(later.amount for later in rest[:end] if later.fall != "dip")
        )
        covers = (value.day - counted).days if counted else _first_covers(series, value.day, since)
        yield ObservableSpend(
            spend_date=value.day,
            provider=series.provider,
            aws_account_id=series.aws_account_id or None,
            user_id=series.user_id,
            part_id=series.part_id,
            course_id=course_id,
            cost=counts - last,
            days_covered=min(covers, value.day.day) if value.opens_month else covers,
            is_reset=value.fall == "restart",
            is_first=n == 0,
            is_opening_balance=series.provider == "aws" and value.day not in since,
            fall=value.fall,
        )
        if value.fall != "dip":
            last, counted = counts, value.day


def _month(day: date) -> int:
    return day.year * 12 + day.month


def _first_covers(series: Series, day: date, since: Mapping[date, int]) -> int:
    if series.provider == "azure":
        return min(day.day, since.get(day, day.day))
    return since.get(day, 1)
