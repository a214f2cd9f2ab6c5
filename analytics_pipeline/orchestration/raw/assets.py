"""One Dagster asset per dataset, all made by the same hand from its declaration.

The steps of loading belong in `load_files.py`, what a check looks at in `checks/rows.py`; this is the shell around them.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.landing import clean_landing
from analytics_pipeline.ingest.plan import Plan, classify_listing, plan
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.orchestration.asset_keys import OWNER, asset_key
from analytics_pipeline.orchestration.raw.checks.delivery import (
    FRESHNESS,
    LOST,
    delivery_check_results,
    delivery_check_specs,
)
from analytics_pipeline.orchestration.raw.checks.rows import check_results, check_specs, recorded
from analytics_pipeline.orchestration.raw.feed_asset import BUCKET
from analytics_pipeline.orchestration.raw.materializations import materialized_versions, snapshot_versions
from analytics_pipeline.orchestration.raw.partitions import MAX_PARTITIONS_PER_RUN, partitions_of
from analytics_pipeline.orchestration.resources import FeedResource, ResultListener, WarehouseResource
from analytics_pipeline.orchestration.runs.run_records import PROCESS_TAG, failed_tag, verdict_tags
from analytics_pipeline.orchestration.runs.step_failures import FILES_FAILED, report_step_errors
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.errors import Outage
from analytics_pipeline.warehouse.absences import record_listing, record_lost_check
from analytics_pipeline.warehouse.checks import Kind, record
from analytics_pipeline.warehouse.ledger import failed_files, loaded_versions
from analytics_pipeline.warehouse.load import resolve_failures
from analytics_pipeline.warehouse.quality import preview

GROUP = "raw"


@dataclass(frozen=True)
class LoadConfig:
    """The config of a raw asset's run.

    Attributes:
        full: fetch and load every file again, even what is loaded already.
        only: partitions (courses of a snapshot) of the run's range to look at; all of them if empty.
        versions: the version of each of these partitions when the run was asked for. It selects nothing: if the run dies,
            this says which versions it was an attempt at.
        retry_failed: whether to try versions again that could not be loaded; schedules leave that to the sensor, which
            paces it.
    """

    full: bool
    only: list[str]
    versions: dict[str, str]
    retry_failed: bool


# Plain types: a field of `dg.Config` would also take {"env": NAME}, and read any variable, the token's too.
CONFIG_SCHEMA = {
    "full": dg.Field(bool, default_value=False, description="Fetch and load every file again."),
    "only": dg.Field(
        [str], default_value=[], description="Partitions (courses of a snapshot) to look at; all if empty."
    ),
    "versions": dg.Field({str: str}, default_value={}, description="The versions that the run is an attempt at."),
    "retry_failed": dg.Field(bool, default_value=True, description="Try versions again that could not be loaded."),
}


def raw_asset(dataset: Dataset, start: date) -> dg.AssetsDefinition:
    """The asset that loads a dataset: a range of partitions in one run, or all files of a snapshot.

    A partition counts as materialized when its file is loaded; one without a file is left as it is.
    """
    key = asset_key(dataset)
    spec = dg.AssetSpec(
        key,
        description=ui_metadata.dataset(dataset),
        partitions_def=partitions_of(dataset, start),
        deps=[BUCKET],
        skippable=True,
        freshness_policy=FRESHNESS[dataset.cadence],
        group_name=GROUP,
        kinds={"s3", "duckdb"},
        owners=[OWNER],
        tags={"cadence": dataset.cadence.value, "layer": GROUP},
        metadata={"dagster/table_name": dataset.table, "dagster/column_schema": ui_metadata.column_schema(dataset)},
    )

    @dg.multi_asset(
        name=f"load_{dataset.name}",
        specs=[spec],
        check_specs=[*check_specs(dataset, key), *delivery_check_specs(dataset, key)],
        config_schema=CONFIG_SCHEMA,
        backfill_policy=dg.BackfillPolicy.multi_run(MAX_PARTITIONS_PER_RUN) if dataset.period else None,
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
                todo = _plan(dataset, bucket, warehouse, partitions, config)
                results, outage = _until_outage(_load(context, dataset, todo, config, bucket, warehouse), verdicts)
                _record_refused(context, dataset, results)
                yield from _report(context, dataset, todo, results, warehouse, feed.uri, config.only)
                if outage:
                    raise outage
            raise_if_failed(dataset, results)

    return load


def raw_assets(start: date) -> list[dg.AssetsDefinition]:
    """An asset for every dataset."""
    return [raw_asset(dataset, start) for dataset in DATASETS.values()]


def _partitions(context: dg.AssetExecutionContext, config: LoadConfig) -> list[str] | None:
    """The partitions (courses of a snapshot) that this run is about; None for all files of a snapshot."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return list(config.only) or None
    return [key for key in context.partition_keys if not config.only or key in config.only]


def _plan(
    dataset: Dataset, bucket: Bucket, warehouse: WarehouseResource, partitions: list[str] | None, config: LoadConfig
) -> Plan:
    """Listing minus ledger, for the partitions of this run."""
    prefixes, listed_at = dataset.prefixes(partitions or []), warehouse_now()
    listing = classify_listing((one for prefix in prefixes for one in bucket.list(prefix)), bucket.prefix)
    wanted = None if partitions is None else set(partitions)
    with warehouse.get_connection() as connection:
        todo = plan(listing, loaded_versions(connection, dataset.name)).only(
            lambda one: one.dataset.name == dataset.name and (wanted is None or one.partition.key in wanted)
        )
        resolve_failures(connection, todo.unchanged, warehouse_now())
        record_listing(connection, listing, prefixes, listed_at, warehouse_now())
        failed = set() if config.retry_failed else {(one.source_key, one.etag) for one in failed_files(connection)}
    return todo.only(lambda one: (one.key, one.etag) not in failed)


def _load(
    context: dg.AssetExecutionContext,
    dataset: Dataset,
    todo: Plan,
    config: LoadConfig,
    bucket: Bucket,
    warehouse: WarehouseResource,
) -> Iterator[FileResult]:
    work = todo.delivered if config.full else todo.work
    context.log.info(
        f"{dataset.name}: {len(todo.new)} new, {len(todo.changed)} changed, {len(todo.unchanged)} unchanged files."
    )
    clean_landing(warehouse.landing, todo.unchanged)
    loader = Loader(bucket, warehouse.landing, warehouse.get_connection, context.run.run_id, refetch=config.full)
    yield from loader.load(dataset, work)


def _until_outage(loading: Iterator[FileResult], verdicts: ResultListener) -> tuple[list[FileResult], Outage | None]:
    """Collect the files' verdicts, and the outage that ended them: what came before it is told all the same."""
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
    todo: Plan,
    results: Sequence[FileResult],
    warehouse: WarehouseResource,
    bucket_uri: str,
    asked: Sequence[str],
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Mark what was loaded as materialized, and what was asked for by name, then tell how the dataset stands."""
    key = asset_key(dataset)
    loaded = [one for one in results if one.failure is None]
    with warehouse.get_connection() as connection:
        checks = [
            *check_results(connection, dataset, key, results),
            *delivery_check_results(connection, dataset, key, todo.delivered, datetime.now(UTC)),
        ]
        of_loads = [check for check in checks if check.check_name != LOST]
        record(connection, Kind.LOAD, recorded(dataset, of_loads), warehouse_now(), subject=dataset.table)
        record_lost_check(connection, warehouse_now())
        versions = {} if dataset.period else loaded_versions(connection, dataset.name)
        shown = max(loaded, key=lambda one: one.landed.delivery.partition.key, default=None)
        rows = preview(connection, dataset, shown.landed.delivery.key) if shown else None
    metadata = {id(one): ui_metadata.loaded_file(one, bucket_uri) for one in loaded}
    if shown and rows:
        metadata[id(shown)]["preview"] = ui_metadata.preview(*rows)
    if dataset.period is None:
        if shown:
            told = ui_metadata.snapshot(loaded, metadata[id(shown)])
            yield dg.MaterializeResult(key, metadata={**told, **snapshot_versions(versions)})
        elif (
            _by_hand(context)
            or any(one.partition.key in asked for one in todo.unchanged)
            or versions != materialized_versions(context.instance, dataset, key, (), warehouse.replaced_at)
        ):
            yield dg.MaterializeResult(key, metadata={"files": len(versions), **snapshot_versions(versions)})
    else:
        for one in loaded:
            partition = one.landed.delivery.partition.key
            context.log_event(dg.AssetMaterialization(key, partition=partition, metadata=metadata[id(one)]))
        again = _by_hand(context) or len(loaded) < len(results)
        _materialize_unchanged(
            context,
            dataset,
            todo,
            warehouse.replaced_at,
            again={one.key for one in todo.unchanged if again or one.partition.key in asked},
        )
    yield from checks


def _record_refused(context: dg.AssetExecutionContext, dataset: Dataset, results: Sequence[FileResult]) -> None:
    """Keep with the run which versions it could not load."""
    failed = [one.landed.delivery for one in results if one.failure]
    refused = {one.partition.key: one.fingerprint for one in failed}
    if tags := verdict_tags(dataset, refused, context.run.tags):
        context.instance.add_run_tags(context.run.run_id, tags)


@contextmanager
def _recording_failure(context: dg.AssetExecutionContext, dataset: Dataset) -> Iterator[None]:
    """Keep with the run whether the step failed, so that alerts name this dataset and not all of the run's."""
    failed = True
    try:
        yield
        failed = False
    finally:
        if failed or failed_tag(dataset) in context.run.tags:  # a repeated run inherits tags
            context.instance.add_run_tags(context.run.run_id, {failed_tag(dataset): str(failed).lower()})


def _by_hand(context: dg.AssetExecutionContext) -> bool:
    """Whether a person launched the run, and no schedule, sensor or command."""
    return not {"dagster/schedule_name", "dagster/sensor_name", PROCESS_TAG} & set(context.run.tags)


def _materialize_unchanged(
    context: dg.AssetExecutionContext, dataset: Dataset, todo: Plan, since: float, *, again: Collection[str]
) -> None:
    """Mark what the ledger has but this Dagster instance does not: it is new, or a process died between the two.

    Args:
        since: when the warehouse was found replaced from outside (epoch seconds).
        again: keys of files to mark in any case. In the UI a partition is failed that a backfill asked for, or that was in a run
            that failed, until it is marked.
    """
    key = asset_key(dataset)
    known = materialized_versions(context.instance, dataset, key, {one.partition.key for one in todo.unchanged}, since)
    for one in todo.unchanged:
        if one.key in again or known.get((dataset.name, one.partition.key)) != one.version:
            context.log_event(
                dg.AssetMaterialization(
                    key,
                    partition=one.partition.key,
                    description="Loaded by an earlier run, unchanged since.",
                    metadata={"key": one.key, "etag": one.etag, "bytes": one.size},
                )
            )


def raise_if_failed(dataset: Dataset, results: Sequence[FileResult]) -> None:
    """Turn the run red if a file could not be loaded, and say which and what to do.

    Raises:
        dagster.Failure: some file failed; the others are loaded.
    """
    failed = [one for one in results if one.failure]
    if not failed:
        return
    lines = [ui_metadata.failure(one) for one in failed[: ui_metadata.MOST_FILES]]
    more = f"\n... and {len(failed) - len(lines)} more" if len(failed) > len(lines) else ""
    raise dg.Failure(
        f"{len(failed)} of {len(results)} files of {dataset.name} could not be loaded; the rows they had before stay.\n"
        + "\n".join(lines)
        + more,
        metadata={FILES_FAILED: [one.landed.delivery.partition.key for one in failed]},
        allow_retries=False,
    )
