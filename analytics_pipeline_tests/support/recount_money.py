"""The money marts recomputed in plain Python, from raw rows and without SQL.

It follows FEED's rules series by series and independently of the models, so that both are unlikely
to be wrong alike.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

Key = tuple[str, int, int]
"""An AWS account, user and part."""
ZERO = Decimal(0)


@dataclass(frozen=True)
class Entry:
    """What a reader can know about one reported value."""

    day: date
    key: Key
    cost: Decimal
    days_covered: int
    fall: str | None = None
    evidence: str | None = None
    is_opening: bool = False


@dataclass(frozen=True)
class Feed:
    """Content of an organisation's AWS files.

    Attributes:
        lines: (day, key, cost) of every row, in any order.
        left: the days of deactivation that rows give, by (day, key).
        bills: service_spend by (first of the month, key); absent if a month's file does not list
            it.
        empty: days of files with only a header.
        rejects: rejected records of each file that has any.
    """

    lines: Sequence[tuple[date, Key, Decimal]]
    left: Mapping[tuple[date, Key], date] = field(default_factory=dict)
    bills: Mapping[tuple[date, Key], Decimal] = field(default_factory=dict)
    empty: Sequence[date] = ()
    rejects: Mapping[date, int] = field(default_factory=dict)

    @cached_property
    def files(self) -> list[date]:
        """The days of the files, in their order."""
        return sorted({*(day for day, _, _ in self.lines), *self.empty})

    @cached_property
    def since(self) -> dict[date, int]:
        """The days that the first value of a series covers, by the day of its file. No day if each
        earlier file has more rejected records, or if there is none.
        """
        return {
            day: (day - before).days
            for n, (before, day) in enumerate(pairwise(self.files), 1)
            if any(self.rejects.get(at, 0) <= self.rejects.get(day, 0) for at in self.files[:n])
        }


def line_total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the value of a file's lines with one key: the greatest, plus every credit."""
    listed = list(amounts)
    return max((value for value in listed if value >= 0), default=ZERO) + sum(
        (value for value in listed if value < 0), ZERO
    )


def _charges(feed: Feed) -> dict[tuple[date, Key], Decimal]:
    """Return the amount before credits by (day, key); absent if a file lists only credits."""
    found: dict[tuple[date, Key], Decimal] = {}
    for day, key, cost in feed.lines:
        if cost >= 0:
            found[day, key] = max(cost, found.get((day, key), ZERO))
    return found


def _below_half(
    charges: Mapping[tuple[date, Key], Decimal],
    key: Key,
    before: tuple[date, Decimal],
    after: tuple[date, Decimal],
) -> bool:
    """Return whether a value is below half of the one before, and not by credits alone."""
    (day_before, value_before), (day, value) = before, after
    if (day, key) not in charges:
        return False
    pairs = ((value_before, value), (charges.get((day_before, key), ZERO), charges[day, key]))
    return all(old > max(2 * new, ZERO) for old, new in pairs)


def aws_spend(feed: Feed) -> list[Entry]:
    """Return every entry of the AWS series."""
    series = _series(feed)
    charges = _charges(feed)
    months = _restarting_months(feed, series, charges)
    entries = []
    for key, values in series.items():
        falls = _falls(feed, charges, key, values, months)
        entries += _entries(key, values, falls, feed.since)
    return entries


def _series(feed: Feed) -> dict[Key, list[tuple[date, Decimal]]]:
    listed: dict[tuple[Key, date], list[Decimal]] = defaultdict(list)
    for day, key, cost in feed.lines:
        listed[key, day].append(cost)
    found: dict[Key, list[tuple[date, Decimal]]] = defaultdict(list)
    for (key, day), amounts in sorted(listed.items()):
        found[key].append((day, line_total(amounts)))
    return found


def _restarting_months(
    feed: Feed,
    series: Mapping[Key, Sequence[tuple[date, Decimal]]],
    charges: Mapping[tuple[date, Key], Decimal],
) -> set[date]:
    votes: dict[date, list[bool]] = defaultdict(list)
    for key, values in series.items():
        for n, ((day, before), (next_day, value)) in enumerate(pairwise(values)):
            month = next_day.replace(day=1)
            if day < month and before > 0 and not _leaves(feed, key, day, next_day):
                back = n + 2 < len(values) and values[n + 2][1] >= before
                deep = _below_half(charges, key, (day, before), (next_day, value))
                votes[month].append(deep and not back)
    return {month for month, cast in votes.items() if len(cast) >= 3 and sum(cast) * 2 > len(cast)}


def _leaves(feed: Feed, key: Key, before: date, day: date) -> bool:
    """Return whether the account is deactivated between two of its files."""
    left = [feed.left[at, key] for at in (before, day) if (at, key) in feed.left]
    return bool(left) and before <= max(left) <= day


def _falls(
    feed: Feed,
    charges: Mapping[tuple[date, Key], Decimal],
    key: Key,
    values: Sequence[tuple[date, Decimal]],
    months: set[date],
) -> dict[date, tuple[str, str | None]]:
    found: dict[date, tuple[str, str | None]] = {}
    for n, ((day_before, before), (day, value)) in enumerate(pairwise(values), 1):
        if value >= before:
            if _restarts_without_a_fall(feed, key, values, n, months):
                found[day] = ("restart", "service_spend")
            continue
        back = n + 1 < len(values) and values[n + 1][1] >= before
        month = day.replace(day=1)
        feed_restarts = month in months and day_before < month
        deep = not back and _below_half(charges, key, values[n - 1], values[n])
        is_restart = _is_restart_by_the_bill(feed, key, values, n, feed_restarts or deep)
        if is_restart is not None:
            found[day] = (
                "restart" if is_restart else "dip" if back else "correction",
                "service_spend",
            )
        elif feed_restarts:
            found[day] = ("restart", "first of the month")
        elif back:
            found[day] = ("dip", None)
        elif deep:
            leaves = _leaves(feed, key, day_before, day)
            found[day] = ("restart", "deactivation" if leaves else None)
        else:
            found[day] = ("correction", None)
    return found


def _restarts_without_a_fall(
    feed: Feed,
    key: Key,
    values: Sequence[tuple[date, Decimal]],
    n: int,
    months: set[date],
) -> bool:
    """Return whether a value that did not fall is new in a month in which the feed restarts, as the
    month's bill says.
    """
    (day_before, before), (day, _) = values[n - 1], values[n]
    month = day.replace(day=1)
    inside = [i for i, (other, _) in enumerate(values) if other.replace(day=1) == month]
    grows = all(values[i][1] >= values[i - 1][1] for i in inside)
    return (
        before > 0
        and day_before < month in months
        and grows
        and _is_restart_by_the_bill(feed, key, values, n, shown=False) is True
    )


def _is_restart_by_the_bill(
    feed: Feed,
    key: Key,
    values: Sequence[tuple[date, Decimal]],
    n: int,
    shown: bool,
) -> bool | None:
    """Return whether the month's bill says that the value at `n` is a restart; None if it is not
    clear.

    If the values themselves show a restart, a bill that could be the restart's is none against it:
    it may be older than the costs in a month whose files still come, and differ by rounding.
    """
    month = values[n][0].replace(day=1)
    billed = feed.bills.get((month, key))
    inside = [i for i, (day, _) in enumerate(values) if day.replace(day=1) == month]
    falls = [i for i in inside if i and values[i][1] < values[i - 1][1]]
    if billed is None or len(falls) > 1:
        return None
    if inside[0]:
        opening = values[inside[0] - 1][1]
    elif values[0][0] in feed.since:
        opening = ZERO
    else:
        return None
    closing, value, before = values[inside[-1]][1], values[n][1], values[n - 1][1]
    back = n + 1 < len(values) and values[n + 1][1] >= before
    as_restart = closing - opening + before
    if_not = closing - min(opening, closing if back else value)
    if abs(billed - as_restart) * 4 <= as_restart - if_not:
        return True
    is_open = feed.files[-1] < (month + timedelta(days=32)).replace(day=1) + timedelta(days=2)
    is_rounding = as_restart - if_not < max(Decimal(1), as_restart / 100)
    fits = before - opening + value <= billed <= as_restart
    if shown and fits and (is_open or is_rounding):
        return None
    return False if abs(billed - if_not) * 4 <= as_restart - if_not else None


def _entries(
    key: Key,
    values: Sequence[tuple[date, Decimal]],
    falls: Mapping[date, tuple[str, str | None]],
    since: Mapping[date, int],
) -> list[Entry]:
    """Cut a series at its restarts; within an accumulation no value counts for more than a later
    one.
    """
    accumulations: list[list[tuple[date, Decimal]]] = [[]]
    for day, value in values:
        if falls.get(day, ("",))[0] == "restart":
            accumulations.append([])
        accumulations[-1].append((day, value))
    entries, counted_on = [], None
    for accumulation in accumulations:
        last = ZERO
        for n, (day, _) in enumerate(accumulation):
            rule, evidence = falls.get(day, (None, None))
            covers = (day - counted_on).days if counted_on else since.get(day, 1)
            if rule == "restart" and evidence in ("service_spend", "first of the month"):
                covers = min(covers, day.day)  # it accumulated within the month
            if rule == "dip":
                entries.append(Entry(day, key, ZERO, covers, rule, evidence))
                continue
            counts = min(v for at, v in accumulation[n:] if falls.get(at, ("",))[0] != "dip")
            cost, is_opening = counts - last, day == values[0][0] and day not in since
            entries.append(Entry(day, key, cost, covers, rule, evidence, is_opening))
            last, counted_on = counts, day
    return entries


def idle_days(
    spend: Entry, ran: Iterable[tuple[datetime, datetime | None, date]], loaded: Container[date]
) -> tuple[bool, int | None]:
    """Return whether the spend is idle, and the days from the last session before it to the first
    covered day.

    Args:
        spend: what a user and part spent.
        ran: start and end of the sessions of the user and part, and the newest file that lists
            each; a session counts for 31 days at most.
        loaded: the days whose files of sessions are loaded.
    """
    covered = [spend.day - timedelta(days=n) for n in range(spend.days_covered)]
    days = {day for times in ran for day in _days_of(*times) if day <= spend.day}
    is_idle = spend.cost > 0 and all(day in loaded for day in covered) and days.isdisjoint(covered)
    return is_idle, (min(covered) - max(days)).days if days else None


def _days_of(start: datetime, end: datetime | None, listed_on: date) -> Iterable[date]:
    last = (end - timedelta(microseconds=1)).date() if end else listed_on
    last = min(last, start.date() + timedelta(days=31))
    return (start.date() + timedelta(days=n) for n in range(max((last - start.date()).days, 0) + 1))
