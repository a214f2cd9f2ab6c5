"""The main job from a terminal: what is new or changed, loaded through the same assets that the UI shows.

What to load is decided in `ingest/plan.py`; how a person is told belongs in `cli/`.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Dataset, Partition, classify
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import clean_landing
from analytics_pipeline.ingest.plan import Plan, Selection, classify_listing, plan
from analytics_pipeline.orchestration.asset_keys import asset_key
from analytics_pipeline.orchestration.models.published_assets import PUBLISHED
from analytics_pipeline.orchestration.models.staleness import stale_assets
from analytics_pipeline.orchestration.raw.load_requests import load_requests, withdrawn_failures
from analytics_pipeline.orchestration.raw.materializations import (
    last_materialized,
    materialized_versions,
    newest_events,
    snapshot_versions,
)
from analytics_pipeline.orchestration.resources import ResultListener
from analytics_pipeline.orchestration.runs.run_records import PROCESS_TAG, end_dead_runs, known_runs
from analytics_pipeline.orchestration.runs.step_failures import FILES_FAILED, UNUSABLE
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project, touched_by
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.warehouse.absences import (
    LOST,
    OpenAbsence,
    closed_files,
    is_damage,
    last_change,
    open_absences,
    record_listing,
    record_lost_check,
)
from analytics_pipeline.warehouse.age import ages, silence
from analytics_pipeline.warehouse.checks import Check, Kind, errors, read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import LoadedFile, loaded_files, loaded_versions
from analytics_pipeline.warehouse.sidecar import replaced_at
from analytics_pipeline.warehouse.signature import signature


@dataclass
class Synced:
    """What a sync did.

    Attributes:
        todo: what the listing asked for.
        results: verdict of each file that was looked at.
        early: deliveries before the first partition, which are not loaded.
        failed_runs: Dagster runs that failed, with what they say beside the verdicts of their files, which may be nothing.
        stopped: whether something that every file needs failed, so that no more was tried.
        rebuilt: whether models were rebuilt and the file was published.
        failing: the ERROR checks that fail now.
        absences: what is missing now, of all datasets.
        silent: since when nothing is delivered, if all daily datasets are late.
        withheld: what the published file says of tables that failing checks withhold, for people.
    """

    todo: Plan
    results: list[FileResult] = field(default_factory=list)
    early: tuple[Delivery, ...] = ()
    failed_runs: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    rebuilt: bool = False
    failing: Sequence[Check] = ()
    withheld: Sequence[str] = ()
    absences: Sequence[OpenAbsence] = ()
    silent: str | None = None

    @property
    def copies(self) -> list[OpenAbsence]:
        """Files that are loaded though they may be copies of another one."""
        return [absence for absence in self.absences if not is_damage(absence)]

    def failing_of(self, selection: Selection) -> list[Check]:
        """Return the failing checks about what was asked for; the others are no verdict on this sync."""
        if selection == Selection():
            return list(self.failing)
        project, names = load_project(), selection.datasets or DATASETS.keys()
        reached = touched_by(names)
        reached |= {model.qualified for model in project.affected(reached)}
        missing = [one for one in self.absences if is_damage(one) and not one.held]
        lost = {DATASETS[one.dataset].table for one in missing if selection.covers(*_place(one))}

        def is_about(check: Check) -> bool:
            if check.name == LOST:
                return check.subject in lost
            test = project.tests.get(check.name) if check.kind is Kind.MODEL else None
            return bool((test.depends_on if test else {check.subject}) & reached)

        return [check for check in self.failing if is_about(check)]


def _place(file: OpenAbsence) -> tuple[Dataset, Partition]:
    found = classify(file.source_key.partition("/")[2])
    return found or (DATASETS[file.dataset], Partition(file.partition, None))


def make_plan(settings: Settings, selection: Selection) -> Plan:
    """One listing, compared with the ledger.

    Raises:
        SettingsError, VocareumError, WarehouseUnusable: with what to do in the text.
    """
    bucket, listed_at = open_bucket(settings), warehouse_now()
    listing = classify_listing(bucket.list(), bucket.prefix)
    with open_warehouse(settings.warehouse_path) as connection:
        todo = plan(listing, loaded_versions(connection), selection)
        record_listing(connection, listing, [""], listed_at, warehouse_now())  # all is listed, whatever part is wanted
        record_lost_check(connection, warehouse_now())
    clean_landing(settings.landing_dir, todo.unchanged)
    return todo


def sync(
    settings: Settings,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    todo: Plan,
    *,
    full: bool = False,
    on_file: Callable[[FileResult], None] = lambda _: None,
    on_rebuild: Callable[[], None] = lambda: None,
) -> Synced:
    """Load what a plan asks for, rebuild the models that this reaches and publish; each run is one of Dagster's and appears in the UI.

    Args:
        settings: of the organisation.
        definitions: the code location.
        instance: where the runs are kept.
        todo: what to load.
        full: load everything delivered again, not only what is new or changed.
        on_file: called with each file's verdict as it is known, to show progress.
        on_rebuild: called before the models are rebuilt.
    """
    end_dead_runs(instance)
    since = replaced_at(settings.warehouse_path)
    untold = {one.version: one for one in _unmaterialized(instance, todo.unchanged, since)}
    untold |= {one.version: one for one in withdrawn_failures(todo.unchanged, known_runs(instance))}
    work = todo.delivered if full else todo.work + tuple(untold.values())
    now = datetime.now(UTC)
    runs = load_requests(work, settings.start_date, now, most=len(work))
    covered = {(name, key) for run in runs for name, keys in run.only.items() for key in keys}
    outside = (one for one in work if (one.dataset.name, one.partition.key) not in covered)
    done = Synced(todo, early=tuple(outside))

    def note(result: FileResult) -> None:
        done.results.append(result)
        on_file(result)

    with _verdicts(definitions).listening(note):
        for request in runs:
            assets = [asset_key(DATASETS[name]) for name in request.only]
            run = execute(definitions, instance, assets, request.tags, request.run_config(full=full))
            if not run.success:
                done.failed_runs[run.run_id] = failure_text(run)
            done.stopped = nothing_usable(run)
            if done.stopped:
                break
    rebuilt = rebuild(settings, definitions, instance, on_rebuild)
    done.rebuilt = rebuilt is not None and rebuilt.success
    if rebuilt and not rebuilt.success:
        done.failed_runs[rebuilt.run_id] = failure_text(rebuilt)
    with open_warehouse(settings.warehouse_path) as connection:
        done.failing = errors(read(connection))
        done.absences = open_absences(connection)
        done.silent = silence(ages(connection, now).values())
    signed = signature(settings.published_path) if done.rebuilt else None
    done.withheld = signed.withheld if signed else ()
    return done


def _verdicts(definitions: dg.Definitions) -> ResultListener:
    found: Any = (definitions.resources or {})["verdicts"]
    verdicts: ResultListener = found.verdicts
    return verdicts


def rebuild(
    settings: Settings, definitions: dg.Definitions, instance: dg.DagsterInstance, on_rebuild: Callable[[], None]
) -> dg.ExecuteInProcessResult | None:
    """Rebuild the models that loads have made stale and publish; None if nothing is, or no file was ever loaded."""
    with open_warehouse(settings.warehouse_path) as connection:
        loaded, closed, changed = loaded_files(connection), closed_files(connection), last_change(connection)
    if not loaded and not closed:
        return None
    _materialize_closed(instance, closed, loaded)
    _materialize_unrecorded(instance, loaded)
    published = last_materialized(newest_events(instance, [PUBLISHED]), PUBLISHED)
    stale = stale_assets(instance)
    if not stale and changed and 0 < published < changed.replace(tzinfo=UTC).timestamp():
        stale = [PUBLISHED]  # what is missing stands in the published file, too
    if not stale:
        return None
    on_rebuild()
    return execute(definitions, instance, stale, {}, {})


def _materialize_unrecorded(instance: dg.DagsterInstance, loaded: Sequence[LoadedFile]) -> None:
    """Mark as materialized what was loaded by no run, as a replay does, or by one that died before it could tell."""
    newest = newest_events(instance, map(asset_key, DATASETS.values()))
    for name, dataset in DATASETS.items():
        told = last_materialized(newest, asset_key(dataset))
        untold = [one for one in loaded if one.dataset == name and one.loaded_at.replace(tzinfo=UTC).timestamp() > told]
        if dataset.period:
            for one in untold:
                version = {"key": one.source_key, "etag": one.etag, "bytes": one.size}
                _tell(instance, dataset, version, one.partition)
        elif untold:
            versions = {
                (name, one.partition): (one.source_key, one.etag, one.size) for one in loaded if one.dataset == name
            }
            _tell(instance, dataset, snapshot_versions(versions))


def _materialize_closed(
    instance: dg.DagsterInstance, closed: Sequence[tuple[str, str, datetime]], loaded: Sequence[LoadedFile]
) -> None:
    """Tell of files that were closed, so that the models are rebuilt without them and a new delivery is loaded."""
    newest = newest_events(instance, map(asset_key, DATASETS.values()))
    there = {(one.dataset, one.partition): (one.source_key, one.etag, one.size) for one in loaded}
    for name, partition, closed_at in closed:
        dataset = DATASETS.get(name)
        if (
            not dataset
            or (name, partition) in there
            or closed_at.replace(tzinfo=UTC).timestamp() <= last_materialized(newest, asset_key(dataset))
        ):
            continue
        versions = {place: version for place, version in there.items() if place[0] == name}
        _tell(
            instance,
            dataset,
            {} if dataset.period else snapshot_versions(versions),
            partition if dataset.period else None,
        )


def _tell(
    instance: dg.DagsterInstance, dataset: Dataset, metadata: Mapping[str, Any], partition: str | None = None
) -> None:
    event = dg.AssetMaterialization(asset_key(dataset), partition=partition, metadata=metadata)
    instance.report_runless_asset_event(event)


def _unmaterialized(instance: dg.DagsterInstance, unchanged: Sequence[Delivery], since: float) -> Iterator[Delivery]:
    """What is loaded but not materialized in this instance: it is new, or a process died between the two.

    Args:
        since: when the warehouse was found replaced from outside (epoch seconds): what was told before does not count.
    """
    datasets = {one.dataset.name: one.dataset for one in unchanged}.values()
    newest = newest_events(instance, map(asset_key, datasets))
    for dataset in datasets:
        key = asset_key(dataset)
        if dataset.period is None and last_materialized(newest, key) >= max(since, 1):
            continue
        ours = [one for one in unchanged if one.dataset is dataset]
        told = instance.get_materialized_partitions(key) if dataset.period else set()
        if since:
            partitions = {one.partition.key for one in ours}
            told = {partition for _, partition in materialized_versions(instance, dataset, key, partitions, since)}
        yield from (one for one in ours if one.partition.key not in told)


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
    run = job.execute_in_process(
        run_config={**run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=instance,
        asset_selection=list(selection),
        tags={**tags, **process},
        raise_on_error=False,
    )
    if any(_interrupted(event.step_failure_data.error) for event in _step_failures(run)):
        raise KeyboardInterrupt  # Dagster makes a failed step of it, and the next run would begin
    return run


def failure_text(run: dg.ExecuteInProcessResult) -> str:
    """Return what a failed run says beside the verdicts of its files; empty if those say it all."""
    failures = _step_failures(run)
    if not failures:
        return "the run failed before its first step"
    stopped = [event for event in failures if _has(event, UNUSABLE)]
    told = stopped[:1] or [event for event in failures if not _has(event, FILES_FAILED)]
    return "\n".join(dict.fromkeys(map(_step_text, told)))


def _step_text(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    failure = data.user_failure_data
    if failure and failure.description:
        return str(failure.description)
    return data.error_display_string if data.error else "the step failed"


def nothing_usable(run: dg.ExecuteInProcessResult) -> bool:
    """Whether a run failed of something that the next one would meet again, as an API that is down."""
    return any(_has(event, UNUSABLE) for event in _step_failures(run))


def _has(event: dg.DagsterEvent, metadata: str) -> bool:
    failure = event.step_failure_data.user_failure_data
    return failure is not None and metadata in failure.metadata


def _interrupted(error: Any) -> bool:
    """Whether an error, or one behind it, is Dagster's of a Ctrl-C."""
    return error is not None and (
        error.cls_name == "DagsterExecutionInterruptedError" or _interrupted(error.cause) or _interrupted(error.context)
    )


def _step_failures(run: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [event for event in run.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
