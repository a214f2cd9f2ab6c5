"""One Dagster asset per dataset, all created from the declarations.

`operations/load_files.py` loads the files, `checks/` evaluates the checks; this is the shell around
them.
"""

import inspect
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.landing import clean_landing
from analytics_pipeline.ingest.plan import Plan, list_deliveries, plan
from analytics_pipeline.ingest.sources import Sources
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.checks.delivery import (
    FRESHNESS,
    LOST,
    delivery_check_results,
    delivery_check_specs,
)
from analytics_pipeline.orchestration.raw.checks.result import recorded
from analytics_pipeline.orchestration.raw.checks.rows import check_results, check_specs
from analytics_pipeline.orchestration.raw.materializations import (
    materialized_versions,
    snapshot_versions,
)
from analytics_pipeline.orchestration.raw.partitions import MAX_PARTITIONS_PER_RUN, partitions_of
from analytics_pipeline.orchestration.resources import (
    FeedResource,
    ResultListener,
    WarehouseResource,
)
from analytics_pipeline.orchestration.runs.processes import COMMAND_TAG
from analytics_pipeline.orchestration.runs.run_records import BACKFILL, failed_tag, verdict_tags
from analytics_pipeline.orchestration.runs.step_failures import FILES_FAILED, report_step_errors
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.orchestration.ui.labels import code_reference, pii_tag
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.vocareum.errors import Outage
from analytics_pipeline.warehouse.absences import record_listing
from analytics_pipeline.warehouse.checks import Kind, record
from analytics_pipeline.warehouse.ledger import failed_files, loaded_versions
from analytics_pipeline.warehouse.load import resolve_failures
from analytics_pipeline.warehouse.lost_check import record_lost_check
from analytics_pipeline.warehouse.quality import preview

GROUP = "raw"


@dataclass(frozen=True)
class LoadConfig:
    """Config of a raw asset's run.

    Attributes:
        full: fetch and load every file again, even if it is loaded.
        only: partitions of the run's range (courses of a snapshot) to load; all of them if empty.
        versions: the version of each of these partitions at the time of the request. Selects
            nothing; if the run dies, it records which versions the run attempted.
        retry_failed: whether to retry versions that could not be loaded; schedules leave that to
            the sensor, which spaces the retries.
    """

    full: bool
    only: list[str]
    versions: dict[str, str]
    retry_failed: bool


# Plain types: a field of `dg.Config` would accept {"env": NAME}, and so read any variable, even the
# token's.
CONFIG_SCHEMA = {
    "full": dg.Field(bool, default_value=False, description="Fetch and load every file again."),
    "only": dg.Field(
        [str],
        default_value=[],
        description="Partitions (courses of a snapshot) to load; all if empty.",
    ),
    "versions": dg.Field(
        {str: str}, default_value={}, description="The versions that the run attempts."
    ),
    "retry_failed": dg.Field(
        bool, default_value=True, description="Retry versions that could not be loaded."
    ),
}


def raw_asset(dataset: Dataset, start: date, location: Location) -> dg.AssetsDefinition:
    """Return the asset that loads a dataset: a range of partitions in one run, or all files of a
    snapshot.

    A partition is materialized when its file is loaded; one without a file is left alone, except in
    a backfill.
    """
    key = location.asset_key(dataset)
    spec = dg.AssetSpec(
        key,
        description=ui_metadata.dataset(dataset),
        partitions_def=partitions_of(dataset, start),
        deps=[] if dataset.setting else [location.bucket],
        skippable=True,
        freshness_policy=FRESHNESS.get(dataset.cadence),
        group_name=GROUP,
        kinds={"csv" if dataset.setting else "s3", "duckdb"},
        tags={
            "cadence": dataset.cadence.value,
            "layer": GROUP,
            **pii_tag(is_personal=dataset.is_personal),
        },
        metadata={
            "dagster/table_name": dataset.table,
            "dagster/column_schema": ui_metadata.column_schema(dataset),
            **code_reference(Path(inspect.getfile(dataset.model))),
        },
    )

    @dg.multi_asset(
        name=f"load_{dataset.name}",
        specs=[spec],
        check_specs=[*check_specs(dataset, key), *delivery_check_specs(dataset, key)],
        config_schema=CONFIG_SCHEMA,
        backfill_policy=(
            dg.BackfillPolicy.multi_run(MAX_PARTITIONS_PER_RUN) if dataset.period else None
        ),
    )
    def load(
        context: dg.AssetExecutionContext,
        feed: dg.ResourceParam[FeedResource],
        warehouse: dg.ResourceParam[WarehouseResource],
        verdicts: dg.ResourceParam[ResultListener],
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        config = LoadConfig(**context.op_execution_context.op_config)
        with _recording_failure(context, dataset):
            with report_step_errors():
                bucket = feed.open()
                partitions = _partitions(context, config)
                todo, absent = _plan(dataset, bucket, warehouse, partitions, config)
                _report_absent(context, dataset, key, absent)
                results, outage = _until_outage(
                    _load(context, dataset, todo, config, bucket, warehouse), verdicts
                )
                _record_refused(context, dataset, results)
                yield from _report(
                    context, dataset, key, todo, results, warehouse, feed.uri, config.only
                )
                if outage:
                    raise outage
            raise_if_failed(dataset, results)

    return load


def raw_assets(start: date, location: Location) -> list[dg.AssetsDefinition]:
    """Return an asset for every dataset."""
    return [raw_asset(dataset, start, location) for dataset in DATASETS.values()]


def _partitions(context: dg.AssetExecutionContext, config: LoadConfig) -> list[str] | None:
    """Return the partitions (courses of a snapshot) of this run; None for all files of a
    snapshot.
    """
    if not context.has_partition_key and not context.has_partition_key_range:
        return list(config.only) or None
    return [key for key in context.partition_keys if not config.only or key in config.only]


def _plan(
    dataset: Dataset,
    bucket: Sources,
    warehouse: WarehouseResource,
    partitions: list[str] | None,
    config: LoadConfig,
) -> tuple[Plan, list[str]]:
    """Plan the partitions of this run (listing minus ledger); return the plan and the partitions
    without a file.
    """
    prefixes, listed_at = dataset.prefixes(partitions or []), warehouse_now()
    listing = list_deliveries(bucket, prefixes)
    selected = None if partitions is None else set(partitions)
    with warehouse.get_connection() as connection:
        todo = plan(listing, loaded_versions(connection, dataset.name)).only(
            lambda found: (
                found.dataset.name == dataset.name
                and (selected is None or found.partition.key in selected)
            )
        )
        resolve_failures(connection, todo.unchanged, warehouse_now())
        record_listing(connection, listing, prefixes, listed_at, warehouse_now())
        failed = (
            set()
            if config.retry_failed
            else {(file.source_key, file.etag) for file in failed_files(connection)}
        )
    delivered = {found.partition.key for found in todo.delivered}
    absent = [partition for partition in partitions or () if partition not in delivered]
    return todo.only(lambda found: (found.key, found.etag) not in failed), absent


def _report_absent(
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


def _load(
    context: dg.AssetExecutionContext,
    dataset: Dataset,
    todo: Plan,
    config: LoadConfig,
    bucket: Sources,
    warehouse: WarehouseResource,
) -> Iterator[FileResult]:
    work = todo.delivered if config.full else todo.work
    context.log.info(
        f"{dataset.name}: {len(todo.new)} new, {len(todo.changed)} changed, {len(todo.unchanged)}"
        " unchanged files."
    )
    clean_landing(warehouse.landing, todo.unchanged)
    max_mb = warehouse.max_file_mb
    loader = Loader(
        bucket,
        warehouse.landing,
        warehouse.get_connection,
        context.run.run_id,
        refetch=config.full,
        max_mb=max_mb,
    )
    yield from loader.load(dataset, work)


def _until_outage(
    loading: Iterator[FileResult], verdicts: ResultListener
) -> tuple[list[FileResult], Outage | None]:
    """Collect the files' results, and the outage that ended the load, so that the results before it
    are reported too.
    """
    results: list[FileResult] = []
    try:
        for result in loading:
            results.append(result)
            verdicts.on_file(result)
    except Outage as error:
        return results, error
    return results, None


def _report(
    context: dg.AssetExecutionContext,
    dataset: Dataset,
    key: dg.AssetKey,
    todo: Plan,
    results: Sequence[FileResult],
    warehouse: WarehouseResource,
    bucket_uri: str,
    asked: Sequence[str],
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Materialize the files that were loaded or requested by name, then yield the dataset's
    checks.
    """
    loaded = [result for result in results if result.failure is None]
    with warehouse.get_connection() as connection:
        checks = [
            *check_results(connection, dataset, key, results),
            *delivery_check_results(connection, dataset, key, todo.delivered, datetime.now(UTC)),
        ]
        verdicts = [recorded(dataset, check) for check in checks if check.check_name != LOST]
        record(connection, Kind.LOAD, verdicts, warehouse_now(), subject=dataset.table)
        record_lost_check(connection, warehouse_now())
        versions = {} if dataset.period else loaded_versions(connection, dataset.name)
        shown = max(loaded, key=lambda result: result.landed.delivery.partition.key, default=None)
        rows = preview(connection, dataset, shown.landed.delivery.key) if shown else None
    # At most one file is loaded per partition.
    metadata = {
        result.landed.delivery.partition.key: ui_metadata.loaded_file(result, bucket_uri)
        for result in loaded
    }
    if shown and rows:
        metadata[shown.landed.delivery.partition.key] |= ui_metadata.preview(rows)
    if dataset.period is None:
        if shown:
            summary = ui_metadata.snapshot(loaded, metadata[shown.landed.delivery.partition.key])
            yield dg.MaterializeResult(key, metadata={**summary, **snapshot_versions(versions)})
        elif (
            _by_hand(context)
            or any(delivery.partition.key in asked for delivery in todo.unchanged)
            or versions
            != materialized_versions(context.instance, dataset, key, (), warehouse.replaced_at)
        ):
            yield dg.MaterializeResult(
                key, metadata={"files": len(versions), **snapshot_versions(versions)}
            )
    else:
        for partition, of_file in metadata.items():
            context.log_event(dg.AssetMaterialization(key, partition=partition, metadata=of_file))
        everything = _by_hand(context) or len(loaded) < len(results)
        _materialize_unchanged(
            context,
            dataset,
            key,
            todo,
            warehouse.replaced_at,
            again={
                delivery.key
                for delivery in todo.unchanged
                if everything or delivery.partition.key in asked
            },
        )
    yield from checks


def _record_refused(
    context: dg.AssetExecutionContext, dataset: Dataset, results: Sequence[FileResult]
) -> None:
    """Tag the run with the versions that it could not load, and with those of them whose failure
    counts as no attempt.
    """
    failed = [(result.landed.delivery, result.failure) for result in results if result.failure]
    refused = {delivery.partition.key: delivery.fingerprint for delivery, _ in failed}
    uncounted = {delivery.partition.key for delivery, failure in failed if not failure.counts}
    if tags := verdict_tags(dataset, refused, context.run.tags, uncounted):
        context.instance.add_run_tags(context.run.run_id, tags)


@contextmanager
def _recording_failure(context: dg.AssetExecutionContext, dataset: Dataset) -> Iterator[None]:
    """Tag the run if the step failed, so that alerts name this dataset and not all of the run's."""
    failed = True
    try:
        yield
        failed = False
    finally:
        if failed or failed_tag(dataset) in context.run.tags:  # a retried run inherits tags
            context.instance.add_run_tags(
                context.run.run_id, {failed_tag(dataset): str(failed).lower()}
            )


def _by_hand(context: dg.AssetExecutionContext) -> bool:
    """Return whether a person launched the run, rather than a schedule, a sensor or a command."""
    return not {"dagster/schedule_name", "dagster/sensor_name", COMMAND_TAG} & set(context.run.tags)


def _materialize_unchanged(
    context: dg.AssetExecutionContext,
    dataset: Dataset,
    key: dg.AssetKey,
    todo: Plan,
    since: float,
    *,
    again: Collection[str],
) -> None:
    """Materialize files that are in the ledger but not in this instance: it is new, or a process
    died between the two.

    Args:
        since: when the warehouse was found replaced from outside (epoch seconds).
        again: keys of files to materialize in any case. The UI shows a partition that a backfill
            asked for, or that was in a failed run, as failed until then.
    """
    partitions = {delivery.partition.key for delivery in todo.unchanged}
    known = materialized_versions(context.instance, dataset, key, partitions, since)
    for delivery in todo.unchanged:
        if (
            delivery.key in again
            or known.get((dataset.name, delivery.partition.key)) != delivery.version
        ):
            context.log_event(
                dg.AssetMaterialization(
                    key,
                    partition=delivery.partition.key,
                    description="Loaded by an earlier run, unchanged since.",
                    metadata={"key": delivery.key, "etag": delivery.etag, "bytes": delivery.size},
                )
            )


def raise_if_failed(dataset: Dataset, results: Sequence[FileResult]) -> None:
    """Fail the run if a file could not be loaded; name the files and what to do.

    Raises:
        dagster.Failure: a file failed; the others are loaded.
    """
    failed = [result for result in results if result.failure]
    if not failed:
        return
    lines = [ui_metadata.failure(result) for result in failed[: ui_metadata.MOST_FILES]]
    more = f"\n... and {len(failed) - len(lines)} more" if len(failed) > len(lines) else ""
    raise dg.Failure(
        f"{len(failed)} of {len(results)} files of {dataset.name} could not be loaded; their"
        " previous rows stay.\n" + "\n".join(lines) + more,
        metadata={FILES_FAILED: [result.landed.delivery.partition.key for result in failed]},
        allow_retries=False,
    )
