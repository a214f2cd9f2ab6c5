"""Record files that were loaded from the landing folder in Dagster, by a run without the network.

Partitions, checks and alerts follow runs. Without this run they would stay red until the sensor's
next comparison.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.absence import Kind
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.raw.load_requests import load_requests
from analytics_pipeline.orchestration.runs.in_process import execute
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import utc_now
from analytics_pipeline.vocareum.objects import RemoteObject
from analytics_pipeline.warehouse.absences import open_absences
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.ledger import loaded_files


class LedgerFeed:
    """The feed according to the ledger: loaded files that were still delivered at the last listing.

    Args:
        settings: of the organisation.
        prefix: prefix of every key, such as org9001/.
    """

    is_complete = False
    """It lacks what is not loaded, so it proves no absence. It has nothing to load."""

    def __init__(self, settings: Settings, prefix: str) -> None:
        self._settings = settings
        self.prefix = prefix
        self.uri = f"s3://{settings.bucket}"

    def open(self) -> "LedgerFeed":
        """Return this object, which lists like a bucket."""
        return self

    def list(self, under: str = "") -> Iterator[RemoteObject]:
        """List the loaded files whose keys start with the prefix and `under`."""
        with warehouse_of(self._settings).open() as connection:
            gone = {
                absence.source_key
                for absence in open_absences(connection)
                if absence.kind is Kind.GONE
            }
            loaded = loaded_files(connection)
        for file in loaded:
            if file.source_key.startswith(self.prefix + under) and file.source_key not in gone:
                yield RemoteObject(
                    file.source_key, file.etag, file.size, file.last_modified.replace(tzinfo=UTC)
                )


def record_replayed(
    settings: Settings, instance: dg.DagsterInstance, loaded: Sequence[Delivery], command: str
) -> None:
    """Run the assets of files that were just loaded, so that Dagster agrees with the ledger.

    Args:
        settings: of the organisation.
        instance: the Dagster instance.
        loaded: the loaded files, to be marked as materialized.
        command: command that loaded the files, for the tags of the runs.
    """
    if not loaded:
        return
    location = Location.of(settings)
    prefix = f"{loaded[0].key.partition('/')[0]}/"
    definitions = build_definitions(settings, {"feed": LedgerFeed(settings, prefix)})
    for request in load_requests(loaded, settings.first_day, utc_now(), most=len(loaded)):
        assets = [location.asset_key(DATASETS[name]) for name in request.only]
        execute(
            definitions, instance, location, assets, request.tags, request.run_config(), command
        )
