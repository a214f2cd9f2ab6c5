"""Collect what `status` shows: read the disk, then compare it with the bucket's listing.

Writes nothing. `status.py` formats the result.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from analytics_pipeline.cli.daemon_state import DaemonState, daemon_state
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.plan import ClassifiedListing, Loaded, Plan, plan
from analytics_pipeline.operations.first_day import loaded_range
from analytics_pipeline.operations.own_files import OwnFile, own_files_with_erased
from analytics_pipeline.orchestration.dagster_files import damaged_database
from analytics_pipeline.orchestration.dagster_yaml import is_ours
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project, stale_models
from analytics_pipeline.storage.store import StoreFailed
from analytics_pipeline.warehouse.absences import OpenAbsence, compared, open_absences
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.checks import (
    Check,
    Severity,
    builds,
    errors,
    read,
    with_fresh,
)
from analytics_pipeline.warehouse.connection import WarehouseBusy
from analytics_pipeline.warehouse.connection import closing as closing_database
from analytics_pipeline.warehouse.erase import unfinished
from analytics_pipeline.warehouse.gone import gone, not_replaced
from analytics_pipeline.warehouse.lateness import Age, ages, silence, silent_since
from analytics_pipeline.warehouse.ledger import FailedFile, LoadedFile, failed_files, loaded_files
from analytics_pipeline.warehouse.listing_checks import FROM_LISTING, listing_checks
from analytics_pipeline.warehouse.lost_check import LOST, lost_checks
from analytics_pipeline.warehouse.newest_check import NEWEST, with_lateness
from analytics_pipeline.warehouse.parameters import Parameters
from analytics_pipeline.warehouse.published_file import published_file
from analytics_pipeline.warehouse.published_state import outdated
from analytics_pipeline.warehouse.quality import Totals, totals
from analytics_pipeline.warehouse.signature import Signature, signature

NAMED = (NEWEST, *FROM_LISTING)
"""WARN checks whose finding `status` prints, not only their name."""


@dataclass(frozen=True)
class OnDisk:
    """State according to the disk alone.

    Attributes:
        published: signature of the published file; None if there is none.
        unstored: why the published file is not the store's current version; empty if it is, or
            without a store.
        daemon: state of Dagster's daemon.
        replaced_at: time at which a run last detected a replaced warehouse (UTC); None if never.
        own_dagster_yaml: the operator's dagster.yaml; None if the pipeline maintains it.
        damaged: which of Dagster's databases is damaged, and the remedy; empty if none is.
        source: `warehouse`; `published` while a run writes the warehouse; None if there is no
            warehouse yet.
        files: the ledger.
        failed: files whose newest version could not be loaded.
        figures: totals by dataset.
        ages: age of the data by dataset, if it has any.
        checks: all rows of `ops.checks`, with those that depend on the clock as of now.
        stale: models that are older than the tables they read.
        absent: files that are no longer delivered, or lost their rows.
        is_replaced: whether it was replaced since the last run.
        outdated: why the published file must be published again; empty if it need not be.
        unfinished: ids of people whose erasure is not finished.
        own_files: hand-written files that hold the email of an erased person.
        lost: that the warehouse is gone, or that an earlier one wrote the published file, which is
            therefore not replaced; empty if neither.
    """

    published: Signature | None
    unstored: str
    daemon: DaemonState
    replaced_at: datetime | None
    own_dagster_yaml: Path | None
    damaged: str = ""
    source: str | None = None
    files: list[LoadedFile] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)
    figures: dict[str, Totals] = field(default_factory=dict)
    ages: dict[str, Age] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    absent: list[OpenAbsence] = field(default_factory=list)
    is_replaced: bool = False
    outdated: str = ""
    unfinished: list[int] = field(default_factory=list)
    own_files: list[OwnFile] = field(default_factory=list)
    lost: str = ""

    @property
    def loaded(self) -> Loaded:
        """Return the loaded version of each file."""
        return {file.place: file.version for file in self.files}

    @property
    def errors(self) -> list[Check]:
        """Return the ERROR checks that fail or are outdated."""
        return errors(self.checks)

    @property
    def warnings(self) -> list[Check]:
        """Return the failing WARN checks, except for those whose finding `status` prints."""
        return [
            check
            for check in self.checks
            if check.severity is Severity.WARN and not check.passed and check.name not in NAMED
        ]

    @property
    def silent_since(self) -> date | None:
        """Return the newest day if deliveries have stopped; None otherwise."""
        return silent_since(self.ages.values())

    @property
    def silent(self) -> str | None:
        """Return a message if deliveries have stopped; None otherwise."""
        return silence(self.ages.values())


def on_disk(settings: Settings, now: datetime) -> OnDisk:
    """Read the warehouse or, while it is being written, the published file.

    With a store, first fetch its current version of the published file.

    Raises:
        WarehouseUnusable: it can't be read, or neither it nor the published file can.
        SchemaTooNew: a later release wrote it.
    """
    unstored, warehouse = fetch_published(settings), warehouse_of(settings)
    outside = OnDisk(
        published=signature(settings.published_path),
        unstored=unstored,
        daemon=daemon_state(settings, now),
        replaced_at=last_replaced(warehouse),
        own_dagster_yaml=own_dagster_yaml(settings),
        damaged=str(damaged_database(settings.dagster_home) or ""),
        lost=str(gone(settings) or ""),
    )
    with _open(warehouse, settings.published_path) as (source, connection):
        if connection is None:
            return outside
        data_ages, signed = ages(connection, now), outside.published
        lost = not_replaced(settings, connection, signed) if source == "warehouse" else ""
        return replace(
            outside,
            source=source,
            files=loaded_files(connection),
            failed=failed_files(connection),
            figures={name: totals(connection, dataset) for name, dataset in DATASETS.items()},
            ages=data_ages,
            checks=with_lateness(read(connection), data_ages, now),
            stale=stale_models(connection, load_project(), Parameters.of(settings)),
            absent=_absent(connection),
            is_replaced=source == "warehouse" and warehouse.is_replaced(connection),
            outdated="" if lost else outdated(settings, builds(connection), signed),
            unfinished=unfinished(connection),
            own_files=own_files_with_erased(connection, settings),
            lost=lost,
        )


def fetch_published(settings: Settings) -> str:
    """Fetch the store's version; return why the local file may not be it."""
    try:
        return published_file(settings).notice
    except StoreFailed as error:
        return str(error)


def last_replaced(warehouse: Warehouse) -> datetime | None:
    """Return the time at which a run last detected a replaced warehouse (UTC); None if never."""
    seconds = warehouse.replaced_at()
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def own_dagster_yaml(settings: Settings) -> Path | None:
    """Return the operator's own dagster.yaml; None if the pipeline maintains the file."""
    path = settings.dagster_home / "dagster.yaml"
    return None if is_ours(path) else path


def compare(disk: OnDisk, listing: ClassifiedListing, settings: Settings, now: datetime) -> Plan:
    """Plan against the listing; files that `sync` skips are only in `left_out`.

    Raises:
        AnotherOrganisation: the warehouse belongs to another organisation.
    """
    first = min((file.period for file in disk.files if file.period), default=None)
    within = loaded_range(settings, listing, first, now.date())
    todo = plan(listing, disk.loaded, within=within)
    skipped = {file.source_key for file in todo.left_out}
    return todo.only(lambda delivery: delivery.key not in skipped)


def with_absences(
    disk: OnDisk, listing: ClassifiedListing, listed_at: datetime, now: datetime
) -> OnDisk:
    """Replace the recorded absences by those of a new listing. Writes nothing.

    Args:
        disk: state according to the disk.
        listing: the listing.
        listed_at: when the listing began (UTC, naive).
        now: UTC, naive.
    """
    if disk.source is None:
        return disk
    absent = compared(disk.absent, listing, disk.files, listed_at, now)
    checks = with_fresh(disk.checks, lost_checks(absent), [LOST], listed_at)
    return replace(disk, absent=absent, checks=checks)


def with_listing_checks(
    disk: OnDisk, listing: ClassifiedListing, todo: Plan, listed_at: datetime
) -> OnDisk:
    """Replace the recorded verdicts on a listing by those on a new one. Writes nothing.

    Args:
        disk: state according to the disk.
        listing: the listing.
        todo: the plan for it.
        listed_at: when it began (UTC, naive).
    """
    if disk.source is None:
        return disk
    fresh = listing_checks(listing.deliveries, todo.left_out)
    return replace(disk, checks=with_fresh(disk.checks, fresh, FROM_LISTING, listed_at))


@contextmanager
def _open(
    warehouse: Warehouse, published_path: Path
) -> Iterator[tuple[str | None, duckdb.DuckDBPyConnection | None]]:
    if not warehouse.exists():
        yield None, None
        return
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(warehouse.read())
        except WarehouseBusy as busy:
            if not published_path.exists():
                raise
            published = _published_instead(published_path, busy)
            yield "published", stack.enter_context(published)
        else:
            yield "warehouse", connection


@contextmanager
def _published_instead(path: Path, busy: WarehouseBusy) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file, as a run writes the warehouse.

    Raises:
        WarehouseBusy: it can't be read either. The message says both.
    """
    try:
        with closing_database(duckdb.connect(str(path), read_only=True)) as connection:
            yield connection
    except duckdb.Error as error:
        raise WarehouseBusy(
            f"{busy} {path}, which `status` reads meanwhile, can't be read either:"
            f" {str(error).splitlines()[0]}.",
            "Run `analytics-pipeline status` again when the run has ended. If the published file is"
            " still damaged then, `analytics-pipeline sync` publishes it again.",
        ) from None


def _absent(connection: duckdb.DuckDBPyConnection) -> list[OpenAbsence]:
    try:
        return open_absences(connection)
    except duckdb.CatalogException:  # written by an earlier release
        return []
