"""Decide whether a dataset is late, and how old its data is: its newest day against the clock.

Pure, except for one query. `newest_check.py` decides which lateness fails a check.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from analytics_pipeline.datasets import DATASETS, PERIODS, Cadence, Dataset

GRACE = {
    Cadence.DAILY: timedelta(hours=12),
    Cadence.MONTHLY: timedelta(hours=60),
    Cadence.SNAPSHOT: timedelta(hours=24),
}
"""How late a delivery may be: a day's file is late from noon (UTC) of the next day. Hand-written
files are never late."""


@dataclass(frozen=True)
class Lateness:
    """How late a dataset is.

    Attributes:
        newest: its newest partition, or the time its newest file was written.
        expected: the partition or version that is due by now.
        delay: the lateness; zero if it is on time.
    """

    newest: str
    expected: str
    delay: timedelta


def lateness(
    dataset: Dataset, newest: date | None, last_written: datetime | None, now: datetime
) -> Lateness | None:
    """Return how late the newest delivery is; None if the dataset was never delivered.

    Args:
        dataset: the dataset, for its cadence.
        newest: the newest loaded day or month.
        last_written: when Vocareum wrote the newest file (UTC).
        now: UTC.
    """
    allowed = now - GRACE[dataset.cadence]
    if dataset.period is None:
        if last_written is None:
            return None
        delay = max(allowed - timedelta(days=1) - last_written, timedelta())
        # Based on the newest file, not on the time of the check, so that the text of a lasting
        # failure does not change.
        following = last_written + timedelta(days=1)
        return Lateness(_minute(last_written), f"The version of {_minute(following)}", delay)
    if newest is None:
        return None
    yesterday = allowed.date() - timedelta(days=1)
    due = yesterday if dataset.cadence is Cadence.DAILY else yesterday.replace(day=1)
    name = dataset.period.partition_format
    return Lateness(newest.strftime(name), due.strftime(name), max(due - newest, timedelta()))


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Age:
    """The age of a dataset's data.

    Attributes:
        dataset: name of the dataset.
        newest: newest loaded day or month (a month's first day); for a snapshot the day it was last
            written.
        days: whole days since then.
        is_late: whether a daily or monthly dataset should have a newer one by now; never for files
            that are overwritten in place.
    """

    dataset: str
    newest: date
    days: int
    is_late: bool


def ages(connection: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, Age]:
    """Return the age of each dataset with loaded files, by name.

    Args:
        connection: the warehouse, or the published file.
        now: UTC; only its date and hour matter.
    """
    rows = connection.execute(
        "SELECT dataset, max(period), max(last_modified)::DATE FROM ops.loaded_files GROUP BY"
        " dataset ORDER BY dataset"
    ).fetchall()
    return {
        name: age(name, period or written, now)
        for name, period, written in rows
        if name in DATASETS
    }


def age(dataset: str, newest: date, now: datetime) -> Age:
    """Return the age of a dataset, given its newest day or month."""
    late = lateness(DATASETS[dataset], newest, None, now) if is_periodic(dataset) else None
    return Age(dataset, newest, (now.date() - newest).days, bool(late and late.delay))


def is_periodic(dataset: str) -> bool:
    """Return whether a dataset has a file for each day or month."""
    return DATASETS[dataset].cadence in PERIODS


def silent_since(data_ages: Iterable[Age]) -> date | None:
    """Return the newest day if all daily datasets have stopped; None while at least one is current.

    A dataset that was never delivered is ignored, and a single one may end while others go on.
    """
    daily = [age for age in data_ages if DATASETS[age.dataset].cadence is Cadence.DAILY]
    if not daily or not all(age.is_late for age in daily):
        return None
    return max(age.newest for age in daily)


def silence(data_ages: Iterable[Age]) -> str | None:
    """Return a message if all daily datasets have stopped; None otherwise."""
    newest = silent_since(data_ages)
    if newest is None:
        return None
    return (
        f"Nothing has been delivered since {newest.day} {newest:%b %Y}: no daily dataset has a"
        " newer day. Check the bucket, then ask Vocareum's support whether the data pipeline"
        " is still on."
    )
