"""One Dagster asset per dataset, all created from the declarations.

`operations/load_files.py` loads the files, `checks/` evaluates the checks; this is the shell around
them.
"""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
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
    delivery_check_specs,
)
from analytics_pipeline.orchestration.raw.checks.rows import check_specs
from analytics_pipeline.orchestration.raw.failed_files import (
    raise_if_failed,
    recording_failure,
    tag_refused,
)
from analytics_pipeline.orchestration.raw.load_config import CONFIG_SCHEMA, LoadConfig
from analytics_pipeline.orchestration.raw.partitions import partitions_of
from analytics_pipeline.orchestration.raw.report_load import (
    FinishedLoad,
    report_absent,
    report_load,
)
from analytics_pipeline.orchestration.resources import (
    FeedResource,
    ResultListener,
    WarehouseResource,
)
from analytics_pipeline.orchestration.runs.step_failures import report_step_errors
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.orchestration.ui.labels import code_reference, pii_tag
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.vocareum.errors import Outage
from analytics_pipeline.warehouse.absences import record_listing
from analytics_pipeline.warehouse.ledger import failed_files, loaded_versions
from analytics_pipeline.warehouse.load import resolve_failures

GROUP = "raw"


def raw_asset(
    dataset: Dataset, start: date, location: Location, per_run: int
) -> dg.AssetsDefinition:
    """Return the asset that loads a dataset: a range of partitions in one run, or all files of a
    snapshot.

    A partition is materialized when its file is loaded; one without a file is left alone, except in
    a backfill.
    """
    key = location.asset_key(dataset)

    @dg.multi_asset(
        name=f"load_{dataset.name}",
        specs=[_spec(dataset, start, location)],
        check_specs=[*check_specs(dataset, key), *delivery_check_specs(dataset, key)],
        config_schema=CONFIG_SCHEMA,
        backfill_policy=(dg.BackfillPolicy.multi_run(per_run) if dataset.period else None),
    )
    def load(
        context: dg.AssetExecutionContext,
        feed: dg.ResourceParam[FeedResource],
        warehouse: dg.ResourceParam[WarehouseResource],
        verdicts: dg.ResourceParam[ResultListener],
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        config = LoadConfig(**context.op_execution_context.op_config)
        with recording_failure(context, dataset):
            with report_step_errors():
                bucket = feed.open()
                partitions = _partitions(context, config)
                todo, absent = _plan(dataset, bucket, warehouse, partitions, config)
                # Read before the load: if the warehouse is replaced meanwhile, what the new one
                # lacks must load again.
                generation = warehouse.generation
                report_absent(context, dataset, key, absent)
                results, outage = _until_outage(
                    _load(context, dataset, todo, config, bucket, warehouse), verdicts
                )
                tag_refused(context, dataset, results)
                finished = FinishedLoad(
                    context, dataset, location, todo, results, config.only, generation
                )
                yield from report_load(finished, warehouse, feed.uri)
                if outage:
                    raise outage
            raise_if_failed(dataset, results)

    return load


def raw_assets(start: date, location: Location, per_run: int) -> list[dg.AssetsDefinition]:
    """Return an asset for every dataset; a run of a backfill has `per_run` partitions at most."""
    return [raw_asset(dataset, start, location, per_run) for dataset in DATASETS.values()]


def _spec(dataset: Dataset, start: date, location: Location) -> dg.AssetSpec:
    return dg.AssetSpec(
        location.asset_key(dataset),
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
    # A schedule lists the whole dataset: a file that is gone may be of an older year.
    prefixes = dataset.prefixes(partitions or [] if config.retry_failed else [])
    listed_at = warehouse_now()
    listing = list_deliveries(bucket, prefixes)
    selected = None if partitions is None else set(partitions)
    with warehouse.get_connection() as connection:
        todo = plan(listing, loaded_versions(connection, dataset.name)).only(
            lambda found: (
                found.dataset.name == dataset.name
                and (selected is None or found.partition.key in selected)
            )
        )
        if bucket.is_complete:
            resolve_failures(connection, todo.unchanged, listed_at, warehouse_now())
            record_listing(connection, listing, prefixes, listed_at, warehouse_now())
        else:  # what is new or changed in it was replaced after it was listed
            todo = replace(todo, new=(), changed=())
        failed = (
            set()
            if config.retry_failed
            else {(file.source_key, file.etag) for file in failed_files(connection)}
        )
    delivered = {
        found.partition.key for found in listing.deliveries if found.dataset.name == dataset.name
    }
    absent = [partition for partition in partitions or () if partition not in delivered]
    return todo.only(lambda found: (found.key, found.etag) not in failed), absent


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
    loader = Loader(
        bucket,
        warehouse.landing,
        warehouse.get_connection,
        context.run.run_id,
        refetch=config.full,
        max_mb=warehouse.max_file_mb,
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
