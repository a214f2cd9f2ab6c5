"""The feed, the warehouse and the notifier as resources that run config can't change.

Anyone who reaches the Dagster UI can write run config. A resource with config fields would send the
token to any address given there, and `{"env": NAME}` would read any variable. So the resources take
everything from the settings and accept no config. Their implementations are in `vocareum/` and
`warehouse/`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
from dagster_aws.s3 import S3Resource
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.left_out import LoadedRange
from analytics_pipeline.ingest.plan import ClassifiedListing
from analytics_pipeline.ingest.sources import Sources, open_sources
from analytics_pipeline.operations.first_day import learn_first_day, loaded_range
from analytics_pipeline.orchestration.notifier import Notifier
from analytics_pipeline.orchestration.pinger import Pinger
from analytics_pipeline.orchestration.runs.planned_checks import plan_checks_once
from analytics_pipeline.orchestration.runs.processes import record_process
from analytics_pipeline.settings import Settings, require
from analytics_pipeline.settings.simulated import is_simulated
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.store import Store
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.session import session
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.checks import Check
from analytics_pipeline.warehouse.connection import WarehouseBusy
from analytics_pipeline.warehouse.generation import Generation
from analytics_pipeline.warehouse.gone import gone
from analytics_pipeline.warehouse.listing_checks import record_listing_checks
from analytics_pipeline.warehouse.published_file import (
    LocalCopy,
    published_file,
    refresh,
    store_of,
)
from analytics_pipeline.warehouse.sidecar import REPLACED


class FeedResource(S3Resource):
    """The organisation's prefix of Vocareum's bucket, with credentials that renew themselves."""

    _settings: Settings = PrivateAttr()
    _opened: Sources | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "FeedResource":
        """Return the feed for the settings."""
        feed = cls(region_name=settings.region, endpoint_url=settings.s3_endpoint_url)
        feed._settings = settings
        return feed

    @property
    def uri(self) -> str:
        """Return the bucket as a URI."""
        return f"s3://{self._settings.bucket}"

    @property
    def is_simulated(self) -> bool:
        """Return whether the data folder is one of the demo, whose servers may not be running."""
        return is_simulated(self._settings)

    def open(self) -> Sources:
        """Open the bucket and the hand-written files, to list and read.

        All steps of a run share one bucket and its credentials.

        Raises:
            SettingsError: the organisation or the token is not set.
        """
        if self._opened is None:
            self._opened = open_sources(self._settings)
        return self._opened

    def get_client(self) -> Any:
        """Return a boto3 S3 client with the organisation's credentials, for your own code."""
        settings = require(self._settings)
        api = VocareumApi(settings.api_url, settings.api_token)
        return session(api, settings.org_id, settings.region).client(
            "s3", endpoint_url=self.endpoint_url
        )

    def get_object_to_set_on_execution_context(self) -> "FeedResource":
        """Return itself.

        A client created before the first step would fail on missing settings, with a worse message.
        """
        return self


class WarehouseResource(DuckDBResource):
    """The private warehouse: one writer at a time, queued on a lock, and always closed."""

    _settings: Settings = PrivateAttr()
    _warehouse: Warehouse = PrivateAttr()

    @classmethod
    def of(cls, settings: Settings) -> "WarehouseResource":
        """Return the warehouse for the settings."""
        warehouse = warehouse_of(settings)
        resource = cls(database=warehouse.describe())
        resource._settings, resource._warehouse = settings, warehouse
        return resource

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse exclusively; dagster-duckdb's own method leaks the lock."""
        with self._warehouse.open() as connection:
            yield connection

    @property
    def generation(self) -> Generation:
        """Return which of Dagster's records describe the warehouse. Opens no DuckDB file."""
        return self._warehouse.generation()

    @property
    def exists(self) -> bool:
        """Return whether anything was ever written to the warehouse."""
        return self._warehouse.exists()

    def maintain(self) -> None:
        """Keep the warehouse small and fast, between two writers."""
        self._warehouse.maintain()

    def detect_replacement(self) -> str:
        """Return a message if the warehouse is gone, or was replaced since the last check; else
        empty.

        Opens it only if its `stat()` differs from what the last writer left, and no writer holds
        it.
        """
        before = self.generation
        if lost := gone(self._settings):
            return str(lost)
        if not self.exists or self._warehouse.is_untouched():
            return ""
        try:
            with self._warehouse.open(wait_seconds=0):
                pass
        except WarehouseBusy:
            return ""  # the writer checked when it opened the file
        return REPLACED if self.generation != before else ""

    def record_listing_checks(self, checks: Sequence[Check]) -> bool:
        """Record verdicts on a listing of the whole bucket, unless a writer holds the warehouse.

        Returns:
            Whether they were recorded.
        """
        if not self.exists:
            return False
        try:
            with self._warehouse.open(wait_seconds=0) as connection:
                record_listing_checks(connection, checks, warehouse_now())
        except WarehouseBusy:
            return False
        return True

    def loaded_range(
        self, listing: ClassifiedListing, loaded: date | None, today: date
    ) -> LoadedRange:
        """Return the days and months that are loaded once a listing's first day is learned."""
        return loaded_range(self._settings, listing, loaded, today)

    def learn_first_day(self, listing: ClassifiedListing, loaded: date | None) -> date | None:
        """Store the first day that is delivered or loaded; return it if it changed."""
        return learn_first_day(self._settings, listing, loaded)

    @property
    def max_file_mb(self) -> int:
        """Return the size of the largest file that is read, in megabytes."""
        return self._settings.max_file_mb

    @property
    def landing(self) -> Path:
        """Return the folder of the files as delivered."""
        return self._settings.landing_dir

    @property
    def published(self) -> Path:
        """Return the path of the database that analysts open."""
        return self._settings.published_path

    @property
    def store(self) -> Store:
        """Return where readers on other machines find the published file and the report."""
        return store_of(self._settings)

    def published_file(self) -> LocalCopy:
        """Return the published file, after fetching the store's current version."""
        return published_file(self._settings)

    @property
    def report(self) -> Path:
        """Return the path of the report page."""
        return self._settings.report_path

    @property
    def cache_dir(self) -> Path:
        """Return the folder of files that can be made again at any time."""
        return self._settings.cache_dir

    @property
    def report_timezone(self) -> ZoneInfo:
        """Return the time zone of hours of the day in the report page."""
        return self._settings.report_timezone


class ResultListener:
    """Receives each file's result once written: for a terminal that executes the run."""

    def __init__(self) -> None:
        self.on_file: Callable[[FileResult], None] = lambda _: None

    @contextmanager
    def listening(self, on_file: Callable[[FileResult], None]) -> Iterator[None]:
        """Call a function with the result of each file loaded inside the block."""
        before, self.on_file = self.on_file, on_file
        try:
            yield
        finally:
            self.on_file = before


class ResultListenerResource(dg.ResourceDefinition):
    """The resource of a code location; all its runs in this process share one object."""

    def __init__(self) -> None:
        self.verdicts = ResultListener()
        about = "Receives each file's result: a terminal that executes the run, else nobody."
        super().__init__(lambda _: self.verdicts, config_schema={}, description=about)


def build_resources(settings: Settings) -> dict[str, Any]:
    """Return the resources by the names that assets use. None accepts run config."""
    return {
        "feed": _fixed(
            "The organisation's prefix of Vocareum's bucket.", lambda: FeedResource.of(settings)
        ),
        "warehouse": _fixed(
            "The private warehouse.",
            lambda: WarehouseResource.of(settings),
            lambda: refresh(settings),
        ),
        "verdicts": ResultListenerResource(),
        "notifier": _fixed(
            "The recipients of alerts.",
            lambda: Notifier(settings.alert_webhook_url, settings.alert_urls, settings.ui_url),
        ),
        "pinger": _fixed("The monitoring service.", lambda: Pinger(settings.ping_url)),
        # No asset returns a value to store. Dagster's default IO manager takes a folder from run
        # config.
        "io_manager": dg.IOManagerDefinition(lambda _: dg.InMemoryIOManager(), config_schema={}),  # type: ignore[no-untyped-call]
    }


def _fixed(
    description: str, make: Callable[[], Any], before_run: Callable[[], None] = lambda: None
) -> dg.ResourceDefinition:
    """Return a resource with an empty config schema: run config that names a field is refused.

    Dagster creates it before the first step of each run, in the run's process. It then records the
    process, plans each check of the run once, and does what must precede a run.
    """

    def start(context: dg.InitResourceContext) -> Any:
        if context.run and context.instance:
            record_process(context.instance, context.run)
            plan_checks_once(context.instance, context.run)
            before_run()
        return make()

    return dg.ResourceDefinition(
        start, config_schema={}, description=f"{description} Set by the settings."
    )
