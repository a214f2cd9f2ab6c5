"""The marts about sessions and launches, recomputed in plain Python from the delivered files."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil

from analytics_pipeline_tests.support.model_warehouse import utc
from analytics_pipeline_tests.support.random_people import Delivered, Session
from analytics_pipeline_tests.support.recount_rows import LONG_AGO, Rows, grouped, rounded

MOST = timedelta(days=31)
"""A longer session is a clock error, and counts for this long."""


def quantile(values: Sequence[int], share: str) -> int | None:
    return sorted(values)[max(ceil(Decimal(share) * len(values)) - 1, 0)] if values else None


def quantiles(values: Sequence[int]) -> tuple[int | None, ...]:
    return quantile(values, "0.5"), quantile(values, "0.9"), quantile(values, "0.99")


def distinct_sessions(delivered: Delivered) -> list[Session]:
    """Return each session once, from the file in which its end is latest."""

    def same(row: Session) -> Hashable:
        return (
            row.user,
            row.course,
            row.part,
            row.launch,
            row.start,
            None if row.launch or row.start else row.file_day,
        )

    groups = grouped(delivered.sessions, same).values()
    return [
        max(rows, key=lambda row: (row.end is not None, row.end or LONG_AGO, row.file_day))
        for rows in groups
    ]


def day_of(row: Session) -> date:
    return row.start.date() if row.start else row.launch.date() if row.launch else row.file_day


def wait_of(row: Session) -> int | None:
    known = row.init and row.launch and row.init >= row.launch
    return (
        int((row.init - row.launch).total_seconds()) if known and row.init and row.launch else None
    )


def counted_end(row: Session) -> datetime | None:
    began = row.start or row.launch or utc(*row.file_day.timetuple()[:3])
    return min(row.end, began + MOST) if row.end else None


def minutes_of(row: Session) -> Decimal | None:
    return (
        rounded(Decimal(min(row.end - row.start, MOST).total_seconds()) / 60, "0.000001")
        if row.end and row.start
        else None
    )


def succeeded(row: Session) -> bool:
    return row.start is not None and "START failed" not in (row.log or "")


def last_day(row: Session) -> date:
    """Return the last day on which the session ran: an open one ran on its newest file's day."""
    end, last = counted_end(row), day_of(row)
    if end:
        last = (end - timedelta(microseconds=1)).date()
    elif succeeded(row):
        last = min(row.file_day, day_of(row) + MOST)
    return max(last, day_of(row))


def lab_sessions(delivered: Delivered) -> Rows:
    return [
        (
            *(
                row.user,
                row.part,
                row.launch,
                row.start,
                day_of(row),
                row.course,
                row.assignment,
                row.lab_type,
            ),
            *(row.init, row.end, counted_end(row), minutes_of(row), counted_end(row) != row.end),
            *(wait_of(row), succeeded(row), last_day(row)),
        )
        for row in distinct_sessions(delivered)
    ]


def lab_launches_daily(delivered: Delivered) -> Rows:
    groups = grouped(
        distinct_sessions(delivered), lambda row: (day_of(row), row.course, row.lab_type)
    )
    return [(*key, *_launches(rows)[:2], *_launches(rows)[3:]) for key, rows in groups.items()]  # type: ignore[misc]


def lab_launches_weekly(delivered: Delivered) -> Rows:
    groups: dict[tuple[object, ...], list[Session]] = defaultdict(list)
    for row in distinct_sessions(delivered):
        week = day_of(row) - timedelta(days=day_of(row).weekday())
        for course in (row.course, None):
            for lab_type in (row.lab_type or "unknown", None):
                groups[week, course, lab_type].append(row)
    return [(*key, *_launches(rows)) for key, rows in groups.items()]


def _launches(rows: Sequence[Session]) -> tuple[int | None, ...]:
    waits = [wait for row in rows if (wait := wait_of(row)) is not None]
    return len(rows), sum(not succeeded(row) for row in rows), len(waits), *quantiles(waits)


def lab_concurrency_hourly(delivered: Delivered) -> Rows:
    touching: dict[tuple[datetime, int | None], list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in distinct_sessions(delivered):
        end = counted_end(row)
        if row.start and end and row.start < end:
            hour = row.start.replace(minute=0, second=0)
            while hour < end:
                for course in (row.course, None):
                    touching[hour, course].append((row.start, end))
                hour += timedelta(hours=1)
    return [(hour, course, _peak(hour, runs)) for (hour, course), runs in touching.items()]


def _peak(hour: datetime, runs: Sequence[tuple[datetime, datetime]]) -> int:
    moments = {max(hour, start) for start, _ in runs}
    return max(sum(start <= moment < end for start, end in runs) for moment in moments)
