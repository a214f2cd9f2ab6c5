"""The first day that Vocareum delivered: the first partition, unless VOCAREUM_START_DATE gives another one.

It is learned from listings and kept in the data folder, as partitions are made before anything is listed.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.plan import ClassifiedListing, classify_listing
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.private_files import private_file
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.warehouse.connection import read_warehouse
from analytics_pipeline.warehouse.ledger import first_period

EARLIEST = date(2012, 1, 1)
"""A file of a day before that is a slip in its name: partitions that begin with it would be far too many."""
_PATIENCE = 10.0
"""Seconds for a listing before the daemon starts: its sensor learns the day, too."""


def learn_first_day(settings: Settings, listing: ClassifiedListing, loaded: date | None) -> date | None:
    """Keep the first day that is delivered or loaded, if it is earlier than what was known.

    It never becomes later, so that no partition is dropped that was loaded.

    Args:
        settings: if they give a start date, nothing is learned.
        listing: all that is listed.
        loaded: the first day that is loaded; None if there is none.

    Returns:
        The day, if it is news.
    """
    if settings.start_date:
        return None
    starts = [one.partition.start for one in listing.deliveries]
    first = min(_plausible([*starts, loaded]), default=None)
    known = settings.learned_first_day
    if first is None or (known and known <= first):
        return None
    with private_file(settings.first_day_path) as file:
        file.write(f"{first}\n".encode())
    return first


def learn_before_start(settings: Settings) -> date | None:
    """List the bucket if the first day is not known yet, so that a daemon begins with the right partitions.

    Returns:
        The day, if it is news; None, too, if the bucket can't be reached now.
    """
    if settings.start_date or settings.learned_first_day:
        return None
    loaded = None
    with suppress(PipelineError, OSError):
        if settings.warehouse_path.exists():
            with read_warehouse(settings.warehouse_path) as connection:
                loaded = first_period(connection)
        bucket = open_bucket(settings, _PATIENCE)
        return learn_first_day(settings, classify_listing(bucket.list(), bucket.prefix), loaded)
    return None


def _plausible(days: Iterable[date | None]) -> list[date]:
    return [day for day in days if day and day >= EARLIEST]
