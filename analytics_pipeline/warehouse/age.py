"""How old the data is, not the load: the newest day of each dataset against the clock. Pure, but for one query.

How late a single dataset may be before its check turns red is decided in `orchestration/completeness.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from analytics_pipeline.datasets import DATASETS, Cadence

GRACE = {
    Cadence.DAILY: timedelta(hours=12),
    Cadence.MONTHLY: timedelta(hours=60),
    Cadence.SNAPSHOT: timedelta(hours=24),
}
"""How long after its time a delivery is not yet late: a day's file is, on the next day at noon (UTC)."""


@dataclass(frozen=True)
class Age:
    """The age of a dataset's data.

    Attributes:
        dataset: its name.
        newest: newest day or month that is loaded (a month's first day); for a snapshot the day it was written last.
        days: whole days since then.
        is_late: whether a daily or monthly dataset should have a newer one by now. A snapshot may rest.
    """

    dataset: str
    newest: date
    days: int
    is_late: bool


def ages(connection: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, Age]:
    """Return the age of each dataset of which anything is loaded, by name.

    Args:
        connection: the warehouse, or the published file.
        now: UTC; only its date and hour count.
    """
    rows = connection.execute(
        "SELECT dataset, max(period), max(last_modified)::DATE FROM ops.loaded_files GROUP BY dataset ORDER BY dataset"
    ).fetchall()
    return {name: age(name, period or written, now) for name, period, written in rows if name in DATASETS}


def age(dataset: str, newest: date, now: datetime) -> Age:
    """Judge the newest day or month of a dataset."""
    cadence = DATASETS[dataset].cadence
    due = (now - GRACE[cadence]).date() - timedelta(days=1)
    if cadence is Cadence.MONTHLY:
        due = due.replace(day=1)
    return Age(dataset, newest, (now.date() - newest).days, cadence is not Cadence.SNAPSHOT and newest < due)


def silence(found: Iterable[Age]) -> str | None:
    """Say since when nothing is delivered, if all daily datasets are silent; None while one of them is alive.

    One that was never delivered says nothing, and one may end while others go on.
    """
    daily = [one for one in found if DATASETS[one.dataset].cadence is Cadence.DAILY]
    if not daily or not all(one.is_late for one in daily):
        return None
    newest = max(one.newest for one in daily)
    return (
        f"Nothing has been delivered since {newest.day} {newest:%b %Y}: no daily dataset has a newer day. Look into the bucket, "
        "then ask Vocareum's support whether the data pipeline is still on."
    )
