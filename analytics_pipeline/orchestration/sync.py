"""The main job from a terminal: what is new or changed, loaded through the same assets that the UI shows.

What to load is decided in `ingest/plan.py`; how a person is told belongs in `cli/`.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.plan import Delivery, Plan, Wanted, place_listing, plan
from analytics_pipeline.loading import listening
from analytics_pipeline.orchestration.partitions import partition_keys, partitions_of, spans
from analytics_pipeline.orchestration.raw_assets import asset_key
from analytics_pipeline.orchestration.resources import open_bucket
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import loaded_versions

PROCESS_TAG = "analytics_pipeline/process"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass
class Synced:
    """What a sync did.

    Attributes:
        todo: what the listing asked for.
        results: verdict of each file that was looked at.
        early: deliveries before the first partition, which are not loaded.
        failed_runs: Dagster runs that failed, with their error.
    """

    todo: Plan
    results: list[FileResult] = field(default_factory=list)
    early: tuple[Delivery, ...] = ()
    failed_runs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One run: a dataset and, if it is partitioned, a range of which some partitions are wanted."""

    dataset: Dataset
    first: str | None = None
    last: str | None = None
    only: tuple[str, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """What makes Dagster run the range."""
        return {RANGE_START: self.first, RANGE_END: self.last} if self.first and self.last else {}

    def run_config(self, full: bool) -> dict[str, Any]:
        """What the asset's step is to look at."""
        return {"ops": {f"load_{self.dataset.name}": {"config": {"full": full, "only": list(self.only)}}}}


def make_plan(settings: Settings, wanted: Wanted) -> Plan:
    """One listing, compared with the ledger.

    Raises:
        SettingsError, VocareumError, WarehouseBusy: with what to do in the text.
    """
    bucket = open_bucket(settings)
    placed = place_listing(bucket.list(), bucket.prefix)
    with open_warehouse(settings.warehouse_path) as connection:
        loaded = loaded_versions(connection)
    return plan(placed, loaded, wanted)


def requests(work: Sequence[Delivery], settings: Settings) -> tuple[list[Request], tuple[Delivery, ...]]:
    """As few runs as load the deliveries, and those that lie outside of all partitions."""
    runs, outside = [], []
    for dataset in DATASETS.values():
        deliveries = {one.partition.key: one for one in work if one.dataset is dataset}
        definition = partitions_of(dataset, settings.start_date)
        if definition is None:
            runs += [Request(dataset)] if deliveries else []
            continue
        every = partition_keys(definition)
        runs += [Request(dataset, span.first, span.last, span.wanted) for span in spans(deliveries, every)]
        outside += [one for key, one in deliveries.items() if key not in set(every)]
    return runs, tuple(outside)


def sync(
    settings: Settings,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    todo: Plan,
    *,
    full: bool = False,
    on_file: Callable[[FileResult], None] = lambda _: None,
) -> Synced:
    """Load what a plan asks for; each run is one of Dagster's and appears in the UI.

    Args:
        settings: of the organisation.
        definitions: the code location.
        instance: where the runs are kept.
        todo: what to load.
        full: load everything delivered again, not only what is new or changed.
        on_file: called with each file's verdict as it is known, to show progress.
    """
    work = todo.delivered if full else todo.work + tuple(_unmarked(instance, todo.unchanged))
    runs, early = requests(work, settings)
    done = Synced(todo, early=early)

    def note(result: FileResult) -> None:
        done.results.append(result)
        on_file(result)

    with listening(note):
        for request in runs:
            run = execute(definitions, instance, [asset_key(request.dataset)], request.tags, request.run_config(full))
            if not run.success:
                done.failed_runs[run.run_id] = failure_text(run)
    return done


def _unmarked(instance: dg.DagsterInstance, unchanged: Sequence[Delivery]) -> Iterator[Delivery]:
    """What is loaded but not materialized in this instance: it is new, or a process died between the two."""
    for dataset in {one.dataset.name: one.dataset for one in unchanged}.values():
        key = asset_key(dataset)
        marked = instance.get_materialized_partitions(key) if dataset.period else set()
        if dataset.period is None and instance.get_latest_materialization_event(key):
            continue
        yield from (one for one in unchanged if one.dataset is dataset and one.partition.key not in marked)


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    selection: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
) -> dg.ExecuteInProcessResult:
    """Run assets in this process, quietly, as a run of the persistent instance."""
    job = definitions.resolve_implicit_global_asset_job_def()
    process = {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}
    return job.execute_in_process(
        run_config={**run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=instance,
        asset_selection=list(selection),
        tags={**tags, **process},
        raise_on_error=False,
    )


def failure_text(run: dg.ExecuteInProcessResult) -> str:
    """What a failed run says, for people."""
    for event in run.all_events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            failure = data.user_failure_data
            if failure and failure.description:
                return str(failure.description)
            return data.error_display_string if data.error else "the step failed"
    return "the run failed before its first step"
