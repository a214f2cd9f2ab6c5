"""Tell Dagster of files that were loaded from the landing folder: a run over them, without the network.

Partitions, checks and alerts follow runs. Without one they would stay red until the sensor compares the bucket again.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.absence import Kind
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.orchestration.asset_keys import asset_key
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.raw.load_requests import load_requests
from analytics_pipeline.orchestration.runs.in_process import execute
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import utc_now
from analytics_pipeline.vocareum.objects import RemoteObject
from analytics_pipeline.warehouse.absences import open_absences
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import loaded_files


class LedgerFeed:
    """The feed as the ledger knows it: what is loaded and was still delivered when the bucket was listed last.

    Args:
        settings: of the organisation.
        prefix: what every key begins with, for example org9001/.
    """

    def __init__(self, settings: Settings, prefix: str) -> None:
        self._settings = settings
        self.prefix = prefix
        self.uri = f"s3://{settings.bucket}"

    def open(self) -> "LedgerFeed":
        """Return itself, which lists like a bucket."""
        return self

    def list(self, under: str = "") -> Iterator[RemoteObject]:
        """List the loaded files whose keys begin with the prefix and `under`."""
        with open_warehouse(self._settings.warehouse_path) as connection:
            gone = {one.source_key for one in open_absences(connection) if one.kind is Kind.GONE}
            loaded = loaded_files(connection)
        for file in loaded:
            if file.source_key.startswith(self.prefix + under) and file.source_key not in gone:
                yield RemoteObject(file.source_key, file.etag, file.size, file.last_modified.replace(tzinfo=UTC))


def tell_replayed(settings: Settings, instance: dg.DagsterInstance, loaded: Sequence[Delivery], command: str) -> None:
    """Run the assets of files that were just loaded: partitions and checks are as the ledger is, and alerts end.

    Args:
        settings: of the organisation.
        instance: where the runs are kept.
        loaded: what was loaded; each is marked as materialized.
        command: that loaded it, for the tags of the runs.
    """
    if not loaded:
        return
    prefix = f"{loaded[0].key.partition('/')[0]}/"
    definitions = build_definitions(settings, {"feed": LedgerFeed(settings, prefix)})
    for request in load_requests(loaded, settings.first_day, utc_now(), most=len(loaded)):
        assets = [asset_key(DATASETS[name]) for name in request.only]
        execute(definitions, instance, assets, request.tags, request.run_config(), command)
