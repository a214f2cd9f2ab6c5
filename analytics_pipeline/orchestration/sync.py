"""Sync from a terminal: load new and changed files through the same assets that the UI shows.

`ingest/plan.py` decides what to load; `cli/` prints the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Dataset, Partition, classify
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import clean_landing
from analytics_pipeline.ingest.plan import Plan, Selection, list_deliveries, plan
from analytics_pipeline.ingest.sources import open_sources
from analytics_pipeline.operations.first_day import learn_first_day, loaded_range
from analytics_pipeline.operations.own_files import left_to_erase
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.models.staleness import stale_assets
from analytics_pipeline.orchestration.raw.load_requests import LoadRequest, load_requests
from analytics_pipeline.orchestration.raw.load_states import withdrawn_failures
from analytics_pipeline.orchestration.raw.problem_assets import report_problems
from analytics_pipeline.orchestration.raw.recheck import report_settled_checks
from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY
from analytics_pipeline.orchestration.raw.unrecorded import (
    materialize_closed,
    materialize_unrecorded,
    unmaterialized,
)
from analytics_pipeline.orchestration.resources import ResultListener
from analytics_pipeline.orchestration.runs.in_process import execute, failure_text, nothing_usable
from analytics_pipeline.orchestration.runs.processes import end_dead_runs
from analytics_pipeline.orchestration.runs.retention import delete_old_runs
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project, touched_by
from analytics_pipeline.storage.clock import Clock, utc_now, warehouse_now
from analytics_pipeline.warehouse.absences import (
    OpenAbsence,
    is_damage,
    open_absences,
    record_listing,
)
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.checks import Alarm, Check, Kind, alarms, builds, errors, read
from analytics_pipeline.warehouse.close_file import closed_files
from analytics_pipeline.warehouse.lateness import ages, silence
from analytics_pipeline.warehouse.ledger import first_period, loaded_files, loaded_versions
from analytics_pipeline.warehouse.listing_checks import listing_checks, record_listing_checks
from analytics_pipeline.warehouse.lost_check import LOST, record_lost_check
from analytics_pipeline.warehouse.newest_check import late_lines
from analytics_pipeline.warehouse.parameters import Parameters
from analytics_pipeline.warehouse.published_state import is_current
from analytics_pipeline.warehouse.reverted import record_older_files
from analytics_pipeline.warehouse.rewritten_check import left_behind
from analytics_pipeline.warehouse.signature import signature


@dataclass
class Synced:
    """Result of a sync.

    Attributes:
        todo: the plan for the listing.
        results: the result of each file.
        early: deliveries outside the partitions, which are not loaded.
        failed_runs: failed Dagster runs by id, with what they report besides the results of their
            files; may be empty.
        stopped: whether something that every file needs failed, so that the rest was not tried.
        rebuilt: whether models were rebuilt and the file was published.
        failing: the ERROR checks that fail now.
        absences: the open absences of all datasets.
        silent: a message if all daily datasets are late; None otherwise.
        alarms: open alarms about money.
        withheld: lines for people about tables that are withheld from the published file.
        late: lines for people about snapshots left behind, and datasets not late enough to fail.
        erasures: lines for people about unfinished erasures, and what a person must still remove.
    """

    todo: Plan
    results: list[FileResult] = field(default_factory=list)
    early: tuple[Delivery, ...] = ()
    failed_runs: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    rebuilt: bool = False
    failing: Sequence[Check] = ()
    withheld: Sequence[str] = ()
    alarms: Sequence[Alarm] = ()
    absences: Sequence[OpenAbsence] = ()
    silent: str | None = None
    late: Sequence[str] = ()
    erasures: Sequence[str] = ()

    @property
    def copies(self) -> list[OpenAbsence]:
        """Return files that are loaded although they may be copies of another one."""
        return [absence for absence in self.absences if not is_damage(absence)]

    def failing_of(self, selection: Selection) -> list[Check]:
        """Return the failing checks about the selection; the others don't fail this sync."""
        if selection == Selection():
            return list(self.failing)
        project, names = load_project(), selection.datasets or DATASETS.keys()
        reached = touched_by(names)
        reached |= {model.qualified for model in project.affected(reached)}
        lost = {
            DATASETS[absence.dataset].table
            for absence in self.absences
            if is_damage(absence) and not absence.held and selection.covers(*_place(absence))
        }

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
    """List the bucket once, and compare it with the ledger.

    Raises:
        SettingsError, VocareumError, WarehouseUnusable: with the remedy in the message.
    """
    sources, listed_at = open_sources(settings), warehouse_now()
    listing = list_deliveries(sources)
    with warehouse_of(settings).open() as connection:
        loaded = first_period(connection)
        within = loaded_range(settings, listing, loaded, listed_at.date())
        todo = plan(listing, loaded_versions(connection), selection, within)
        # The listing is complete, whatever the selection.
        record_listing(connection, listing, [""], listed_at, warehouse_now())
        record_lost_check(connection, warehouse_now())
        verdicts = listing_checks(listing.deliveries, todo.left_out)
        record_listing_checks(connection, verdicts, warehouse_now())
    learn_first_day(settings, listing, loaded)
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
    clock: Clock = utc_now,
) -> Synced:
    """Load what a plan asks for, rebuild the affected models and publish.

    Each run is a Dagster run and shows in the UI. Old runs are deleted, as the daemon does.

    Args:
        settings: the organisation's settings.
        definitions: the code location.
        instance: stores the runs.
        todo: the plan.
        full: load everything delivered again, not only new and changed files.
        on_file: called with each file's result, to show progress.
        on_rebuild: called before the models are rebuilt.
        clock: decides which partitions exist and which runs are old (UTC).
    """
    location = Location.of(settings)
    end_dead_runs(instance, location)
    now = clock()
    work = todo.delivered if full else todo.work + _unrecorded(settings, instance, todo)
    requests = load_requests(
        work, settings.first_day, now, most=len(work), per_run=settings.partitions_per_run
    )
    done = Synced(todo, early=_not_requested(work, requests))

    def collect(result: FileResult) -> None:
        done.results.append(result)
        on_file(result)

    with _verdicts(definitions).listening(collect):
        _execute(definitions, instance, location, requests, done, full=full)
    rebuilt = rebuild(
        settings, definitions, instance, on_rebuild, listed=todo.delivered, clock=clock
    )
    done.rebuilt = rebuilt is not None and rebuilt.success
    if rebuilt and not rebuilt.success:
        done.failed_runs[rebuilt.run_id] = failure_text(rebuilt)
    _read_state(settings, done, now)
    kept = timedelta(days=settings.runs_kept_days)
    delete_old_runs(instance, location, now, kept, RETRY_POLICY.attempts)
    return done


def _unrecorded(
    settings: Settings, instance: dg.DagsterInstance, todo: Plan
) -> tuple[Delivery, ...]:
    """Return loaded files that Dagster's records lack, or still show as failed."""
    location, generation = Location.of(settings), warehouse_of(settings).generation()
    found = [
        *unmaterialized(instance, location, todo.unchanged, generation),
        *withdrawn_failures(todo.unchanged, known_runs(instance, location)),
    ]
    return tuple({delivery.version: delivery for delivery in found}.values())


def _not_requested(
    work: Sequence[Delivery], requests: Sequence[LoadRequest]
) -> tuple[Delivery, ...]:
    """Return the deliveries outside the partitions, which no request covers."""
    covered = {
        (name, key) for request in requests for name, keys in request.only.items() for key in keys
    }
    return tuple(d for d in work if d.place not in covered)


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    location: Location,
    requests: Sequence[LoadRequest],
    done: Synced,
    *,
    full: bool,
) -> None:
    """Run the requests until one fails for a reason that all others would meet too."""
    for request in requests:
        assets = [location.asset_key(DATASETS[name]) for name in request.only]
        config = request.run_config(full=full)
        run = execute(definitions, instance, location, assets, request.tags, config)
        if not run.success:
            done.failed_runs[run.run_id] = failure_text(run)
        done.stopped = nothing_usable(run)
        if done.stopped:
            return


def _read_state(settings: Settings, done: Synced, now: datetime) -> None:
    """Add the checks, alarms and absences after the sync to its result."""
    with warehouse_of(settings).open() as connection:
        checks = read(connection)
        done.failing, done.alarms = errors(checks), alarms(checks)
        done.absences = open_absences(connection)
        done.erasures = left_to_erase(connection, settings)
        done.late = [*late_lines(checks), *left_behind(checks)]
        done.silent = silence(ages(connection, now).values())
    signed = signature(settings.published_path) if done.rebuilt else None
    done.withheld = signed.withheld if signed else ()


def _verdicts(definitions: dg.Definitions) -> ResultListener:
    found: Any = (definitions.resources or {})["verdicts"]
    verdicts: ResultListener = found.verdicts
    return verdicts


def rebuild(
    settings: Settings,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    on_rebuild: Callable[[], None],
    command: str = "sync",
    *,
    listed: Sequence[Delivery] = (),
    clock: Clock = utc_now,
) -> dg.ExecuteInProcessResult | None:
    """Report settled checks, rebuild stale models and publish; return None if nothing is stale.

    The published file is stale, too, if `is_current` says so. `listed` are deliveries seen in the
    bucket, which tell whether a snapshot is late.
    """
    location, generation = Location.of(settings), warehouse_of(settings).generation()
    with warehouse_of(settings).open() as connection:
        record_older_files(connection, settings.published_path, warehouse_now())
        loaded, closed = loaded_files(connection), closed_files(connection)
        built = builds(connection)
        report_problems(instance, location, connection)
        report_settled_checks(instance, location, connection, clock().replace(tzinfo=None), listed)
    if not loaded and not closed:
        return None
    materialize_closed(instance, location, closed, loaded, generation)
    materialize_unrecorded(instance, location, loaded, generation, clock())
    stale = stale_assets(instance, location, Parameters.of(settings))
    if not stale and not is_current(settings, built):
        stale = [location.published]
    if not stale:
        return None
    on_rebuild()
    return execute(definitions, instance, location, stale, {}, {}, command)
