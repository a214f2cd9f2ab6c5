"""Learn the first partition, the first day that Vocareum delivered.

The day comes from listings. It is stored in the data folder, as partitions are defined before the
bucket is listed.
"""

from collections.abc import Callable, Iterable
from datetime import date

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.left_out import LoadedRange
from analytics_pipeline.ingest.plan import ClassifiedListing, list_deliveries
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.atomic_write import private_file
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.ledger import first_period

EARLIEST = date(2012, 1, 1)
"""An earlier day in a file's name is a mistake, and would create far too many partitions."""
_LISTING_BUDGET = 10.0
"""Seconds for the listing before the daemon starts. If it fails, the daemon's sensor learns the
day."""


def learn_first_day(
    settings: Settings, listing: ClassifiedListing, loaded: date | None
) -> date | None:
    """Store the first day that is delivered or loaded, if it is earlier than the stored one.

    The day never moves forward, so that no loaded partition is dropped.

    Args:
        settings: nothing is learned if they set a start date.
        listing: the whole listing.
        loaded: the first loaded day; None if nothing is loaded.

    Returns:
        The day, if it changed.
    """
    if settings.start_date:
        return None
    first = _first(listing, loaded)
    known = settings.learned_first_day
    if first is None or (known and known <= first):
        return None
    with private_file(settings.first_day_path) as file:
        file.write(f"{first}\n".encode())
    return first


def loaded_range(
    settings: Settings, listing: ClassifiedListing, loaded: date | None, today: date
) -> LoadedRange:
    """Return the days and months that are loaded once a listing's first day is learned.

    Args:
        settings: their start date, or the stored first day, counts.
        listing: the whole listing.
        loaded: the first loaded day; None if nothing is loaded.
        today: UTC day.
    """
    if settings.start_date:
        return LoadedRange(settings.start_date, True, today)
    days = [_first(listing, loaded), settings.learned_first_day]
    return LoadedRange(min(filter(None, days), default=settings.first_day), False, today)


def _first(listing: ClassifiedListing, loaded: date | None) -> date | None:
    starts = [delivery.partition.start for delivery in listing.deliveries]
    return min(_plausible([*starts, loaded]), default=None)


def learn_before_start(settings: Settings, on_failure: Callable[[str], None]) -> date | None:
    """List the bucket if the first day is unknown, so that a daemon starts with it.

    Args:
        settings: the settings.
        on_failure: called with a message for people if the bucket can't be listed or the warehouse
            can't be read.

    Returns:
        The day, if it changed; None also after a failure.
    """
    if settings.start_date or settings.learned_first_day:
        return None
    loaded = None
    try:
        warehouse = warehouse_of(settings)
        if warehouse.exists():
            with warehouse.read() as connection:
                loaded = first_period(connection)
        bucket = open_bucket(settings, _LISTING_BUDGET)
        return learn_first_day(settings, list_deliveries(bucket), loaded)
    except (PipelineError, OSError) as error:
        on_failure(
            f"The first day that Vocareum delivered is still unknown: {error} Until a listing"
            f" succeeds, the partitions start at {settings.first_day}."
        )
        return None


def _plausible(days: Iterable[date | None]) -> list[date]:
    return [day for day in days if day and day >= EARLIEST]
