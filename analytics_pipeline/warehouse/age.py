"""Age of the data (not of the load): the newest day of each dataset against the clock.

Pure, except for one query. `orchestration/raw/checks/completeness.py` decides how late a dataset
may be before its check fails.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from analytics_pipeline.datasets import DATASETS, PERIODS, Cadence

GRACE = {
    Cadence.DAILY: timedelta(hours=12),
    Cadence.MONTHLY: timedelta(hours=60),
    Cadence.SNAPSHOT: timedelta(hours=24),
}
"""How late a delivery may be: a day's file is late from noon (UTC) of the next day. Hand-written
files are never late."""


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
    cadence = DATASETS[dataset].cadence
    due = (now - GRACE.get(cadence, timedelta())).date() - timedelta(days=1)
    if cadence is Cadence.MONTHLY:
        due = due.replace(day=1)
    return Age(dataset, newest, (now.date() - newest).days, cadence in PERIODS and newest < due)


def silence(data_ages: Iterable[Age]) -> str | None:
    """Return a message if all daily datasets have stopped; None while at least one is current.

    A dataset that was never delivered is ignored, and a single one may end while others go on.
    """
    daily = [age for age in data_ages if DATASETS[age.dataset].cadence is Cadence.DAILY]
    if not daily or not all(age.is_late for age in daily):
        return None
    newest = max(age.newest for age in daily)
    return (
        f"Nothing has been delivered since {newest.day} {newest:%b %Y}: no daily dataset has a"
        " newer day. Check the bucket, then ask Vocareum's support whether the data pipeline"
        " is still on."
    )
