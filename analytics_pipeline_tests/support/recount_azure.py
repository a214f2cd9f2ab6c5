"""The spend on Azure recomputed in plain Python, from raw rows and without SQL."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import groupby

from analytics_pipeline_tests.support.recount_money import ZERO, line_total


def azure_total(
    lines: Iterable[tuple[date, date, int, int, Decimal]],
) -> dict[tuple[date, int, int], Decimal]:
    """Return the bill of each (month, user, part): its last file's value.

    Lines are (file's day, month, user, part, value).
    """
    bills: dict[tuple[date, int, int], Decimal] = {}
    ordered = sorted(lines, key=lambda line: (line[1:4], line[0]))
    for (month, user, part, _), listed in groupby(ordered, key=lambda line: (*line[1:4], line[0])):
        bills[month, user, part] = line_total(line[4] for line in listed)
    return bills


def azure_costs(
    lines: Iterable[tuple[date, date, int, int, Decimal]],
) -> dict[tuple[date, int, int], Decimal]:
    """Return the cost of each (day, user, part), if no file lists a month other than its own.

    A value counts for no more than a later one of the month, unless that one is a dip.
    """
    listed: dict[tuple[date, int, int], dict[date, list[Decimal]]] = {}
    for day, month, user, part, amount in lines:
        days = listed.setdefault((month, user, part), {})
        days.setdefault(day, []).append(amount)
    costs: dict[tuple[date, int, int], Decimal] = {}
    for (_, user, part), days in listed.items():
        values = [(day, line_total(amounts)) for day, amounts in sorted(days.items())]
        dips = {
            day
            for (_, before), (day, value), (_, after) in zip(
                values, values[1:], values[2:], strict=False
            )
            if value < before <= after
        }
        last = ZERO
        for n, (day, _) in enumerate(values):
            if day not in dips:
                counts = min(value for later, value in values[n:] if later not in dips)
                costs[day, user, part], last = counts - last, counts
            else:
                costs[day, user, part] = ZERO
    return costs
