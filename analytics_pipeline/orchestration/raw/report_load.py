"""Tell Dagster the outcome of a load: materializations with their metadata, and check results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import duckdb

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.plan import Loaded, Plan
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.checks.delivery import delivery_check_results
from analytics_pipeline.orchestration.raw.checks.result import OF_THE_FEED, recorded
from analytics_pipeline.orchestration.raw.checks.rows import check_results
from analytics_pipeline.orchestration.raw.materializations import (
    file_version,
    generation_named,
    materialized_versions,
    snapshot_versions,
)
from analytics_pipeline.orchestration.raw.problem_assets import report_problems
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.orchestration.runs.processes import COMMAND_TAG
from analytics_pipeline.orchestration.runs.run_records import BACKFILL
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.checks import Kind, record
from analytics_pipeline.warehouse.generation import Generation
from analytics_pipeline.warehouse.ledger import loaded_versions
from analytics_pipeline.warehouse.lost_check import record_lost_check
from analytics_pipeline.warehouse.quality import preview


@dataclass(frozen=True)
class FinishedLoad:
    """A load of one dataset whose files are written or refused.

    Attributes:
        todo: the plan that the load followed.
        results: a result per file that was read.
        requested: partitions (courses of a snapshot) that the run was asked for by name.
        generation: that of the warehouse into which was loaded.
    """

    context: dg.AssetExecutionContext
    dataset: Dataset
    location: Location
    todo: Plan
    results: Sequence[FileResult]
    requested: Sequence[str]
    generation: Generation

    @property
    def key(self) -> dg.AssetKey:
        """Return the dataset's asset key."""
        return self.location.asset_key(self.dataset)

    @property
    def loaded(self) -> list[FileResult]:
        """Return the results of the files that were loaded."""
        return [result for result in self.results if result.failure is None]

    @property
    def newest(self) -> FileResult | None:
        """Return the loaded file of the last partition; None if no file was loaded."""
        return max(self.loaded, key=_partition, default=None)

    @property
    def is_by_hand(self) -> bool:
        """Return whether a person launched the run, not a schedule, a sensor or a command."""
        automatic = {"dagster/schedule_name", "dagster/sensor_name", COMMAND_TAG}
        return not automatic & set(self.context.run.tags)


def report_absent(
    context: dg.AssetExecutionContext, dataset: Dataset, key: dg.AssetKey, absent: Sequence[str]
) -> None:
    """Log the days or months without a file.

    In a backfill, also mark them as materialized: otherwise Dagster fails the backfill.

    The mark names no version, so a file that is delivered later is loaded as usual.
    """
    if not absent:
        return
    context.log.info(f"{dataset.name}: no file is delivered for {', '.join(absent)}.")
    if dataset.period and BACKFILL in context.run.tags:
        for partition in absent:
            text = "No file is delivered. Rows loaded earlier stay."
            context.log_event(dg.AssetMaterialization(key, partition=partition, description=text))


def report_load(
    load: FinishedLoad, warehouse: WarehouseResource, bucket_uri: str
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Materialize the files that were loaded or requested by name, and changed tables of problems,
    then yield the dataset's checks.
    """
    dataset, newest = load.dataset, load.newest
    with warehouse.get_connection() as connection:
        checks = _record_checks(load, connection)
        report_problems(load.context.instance, load.location, connection)
        versions = {} if dataset.period else loaded_versions(connection, dataset.name)
        rows = preview(connection, dataset, newest.landed.delivery.key) if newest else None
    # At most one file is loaded per partition.
    metadata = {
        _partition(result): ui_metadata.loaded_file(result, bucket_uri)
        | generation_named(load.generation)
        for result in load.loaded
    }
    if newest and rows:
        metadata[_partition(newest)] |= ui_metadata.preview(rows)
    if dataset.period:
        for partition, of_file in metadata.items():
            load.context.log_event(
                dg.AssetMaterialization(load.key, partition=partition, metadata=of_file)
            )
        _materialize_unchanged(load)
    elif newest:
        summary = ui_metadata.snapshot(load.loaded, metadata[_partition(newest)])
        named = snapshot_versions(versions, load.generation)
        yield dg.MaterializeResult(load.key, metadata={**summary, **named})
    elif _is_snapshot_due(load, versions):
        named = snapshot_versions(versions, load.generation)
        yield dg.MaterializeResult(load.key, metadata={"files": len(versions), **named})
    yield from checks


def _partition(result: FileResult) -> str:
    return result.landed.delivery.partition.key


def _record_checks(
    load: FinishedLoad, connection: duckdb.DuckDBPyConnection
) -> list[dg.AssetCheckResult]:
    """Evaluate the dataset's checks, and record them in the warehouse."""
    dataset, key = load.dataset, load.key
    now = datetime.now(UTC)
    checks = [
        *check_results(connection, dataset, key, load.results),
        *delivery_check_results(connection, dataset, key, load.todo.delivered, now),
    ]
    verdicts = [recorded(dataset, check) for check in checks if check.check_name not in OF_THE_FEED]
    record(connection, Kind.LOAD, verdicts, warehouse_now(), subject=dataset.table)
    record_lost_check(connection, warehouse_now())
    return checks


def _is_snapshot_due(load: FinishedLoad, versions: Loaded) -> bool:
    """Return whether a snapshot of which no file was loaded is materialized nevertheless."""
    return (
        load.is_by_hand
        or any(delivery.partition.key in load.requested for delivery in load.todo.unchanged)
        or versions
        != materialized_versions(load.context.instance, load.dataset, load.key, (), load.generation)
    )


def _materialize_unchanged(load: FinishedLoad) -> None:
    """Materialize files that are in the ledger but not in this instance: it is new, or a process
    died between the two.

    Also those that the run was asked for, and all of them if a person asked or a file failed: the
    UI shows a partition of a backfill or of a failed run as failed until then.
    """
    unchanged, dataset = load.todo.unchanged, load.dataset
    partitions = {delivery.partition.key for delivery in unchanged}
    known = materialized_versions(
        load.context.instance, dataset, load.key, partitions, load.generation
    )
    everything = load.is_by_hand or len(load.loaded) < len(load.results)
    for delivery in unchanged:
        if (
            everything
            or delivery.partition.key in load.requested
            or known.get((dataset.name, delivery.partition.key)) != delivery.version
        ):
            load.context.log_event(
                dg.AssetMaterialization(
                    load.key,
                    partition=delivery.partition.key,
                    description="Loaded by an earlier run, unchanged since.",
                    metadata=file_version(delivery.version, load.generation),
                )
            )
