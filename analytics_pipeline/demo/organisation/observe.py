"""What an ideal reader can know from the reports of the two providers, computed without any SQL.

Belongs here: the rules that turn accumulated values into daily spend. Does not: how values came to be (spend.py).

The rules. Each reported value gives one entry, zero where nothing changed; a series that a delivered file does not
list is taken as unchanged.
- `cost`: the value minus the series' last reported value. In Azure each month is a series of its own.
- `is_reset`: the value fell; a new accumulation began and the cost is the new value.
- `is_first`: the series' first value in the feed (in Azure: in that month); the cost is the value.
- `days_covered`: days since the provider's previous file that has any row, whether or not it lists this series. It is
  1 in the first file of aws_cost, whose accumulation began at an unknown time. In Azure it never reaches over the
  start of the month, and in the first file of all it is the day of the month.
"""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

from analytics_pipeline.demo.organisation.spend import Reports, Series
from analytics_pipeline.demo.organisation.truth import ObservableSpend


def observe(reports: Reports, course_of: Callable[[int], int | None]) -> Iterator[ObservableSpend]:
    """One provider's entries, by day; `course_of` is the course of a part, None where it is not mapped."""
    last: dict[tuple[Series, int], Decimal] = {}
    previous: date | None = None
    for day, values in sorted(reports.items()):
        if not values:
            continue
        for series, value in sorted(values.items()):
            azure = series.provider == "azure"
            known = last.get((series, _month(day) if azure else 0))
            falls = known is not None and value < known
            last[series, _month(day) if azure else 0] = value
            yield ObservableSpend(
                spend_date=day,
                provider=series.provider,
                aws_account_id=series.aws_account_id or None,
                user_id=series.user_id,
                part_id=series.part_id,
                course_id=course_of(series.part_id),
                cost=value if known is None or falls else value - known,
                days_covered=_days_covered(day, previous, azure),
                is_reset=falls,
                is_first=known is None,
            )
        previous = day


def _month(day: date) -> int:
    return day.year * 12 + day.month


def _days_covered(day: date, previous: date | None, azure: bool) -> int:
    if azure:
        return min(day.day, (day - previous).days) if previous else day.day
    return (day - previous).days if previous else 1
