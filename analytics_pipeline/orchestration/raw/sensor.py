"""The sensor that keeps the warehouse complete, with one listing per tick.

`load_states.py` decides what is due, `load_requests.py` by which runs. Alerts are in `alerting/`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.delivery import Delivery, Place, Version
from analytics_pipeline.ingest.plan import Loaded, Plan, list_deliveries, plan
from analytics_pipeline.ingest.sources import Sources
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.feed_asset import shapes, unknown_files
from analytics_pipeline.orchestration.raw.load_requests import LoadRequest, load_requests
from analytics_pipeline.orchestration.raw.load_states import (
    LoadState,
    load_states,
    undelivered_failures,
    withdrawn_failures,
)
from analytics_pipeline.orchestration.raw.materializations import (
    first_materialized,
    materialized_versions,
)
from analytics_pipeline.orchestration.raw.recheck import report_listing
from analytics_pipeline.orchestration.raw.retry_policy import RetryPolicy
from analytics_pipeline.orchestration.resources import FeedResource, WarehouseResource
from analytics_pipeline.orchestration.runs.processes import end_dead_runs
from analytics_pipeline.orchestration.runs.run_records import KnownRun, known_runs
from analytics_pipeline.orchestration.sensor_faults import SENSOR
from analytics_pipeline.storage.clock import Clock
from analytics_pipeline.warehouse.left_out_check import LEFT_OUT
from analytics_pipeline.warehouse.listing_checks import listing_checks
from analytics_pipeline.words import counted

REQUEST_TAG = "analytics_pipeline/request"
DESCRIPTION = (
    "Every {minutes:g} minutes, requests the files in Vocareum's bucket that were never loaded or"
    " have changed, in as few runs as possible, newest first. Retries failing files with growing"
    " pauses, {attempts} times; failed transfers and held versions without a limit. Finds new"
    " courses, and periods before this pipeline existed, the same way."
)
LEARNED = (
    "The first day that Vocareum delivered is {learned}. This code location's partitions start with"
    " {start} until it reloads: `analytics-pipeline daemon` reloads it within two minutes; in the"
    " UI press Deployment, Reload all."
)


def missing_partitions(
    location: Location,
    jobs: Sequence[Any],
    start: date,
    clock: Clock,
    retry_policy: RetryPolicy,
    interval: int,
    per_run: int,
) -> dg.SensorDefinition:
    """Return the sensor.

    Args:
        location: the code location.
        jobs: its loading jobs, by cadence.
        start: first day of the partitions.
        clock: the clock (UTC).
        retry_policy: retries of failing files.
        interval: seconds between two evaluations.
        per_run: maximum number of partitions of a run.
    """

    @dg.sensor(
        name=SENSOR,
        jobs=jobs,
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=DESCRIPTION.format(minutes=interval / 60, attempts=retry_policy.attempts),
    )
    def sense(
        context: dg.SensorEvaluationContext,
        feed: dg.ResourceParam[FeedResource],
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.SensorResult | dg.SkipReason:
        location.require_name(context)
        end_dead_runs(context.instance, location)
        try:
            bucket = feed.open()
            todo = _plan(context, location, bucket, warehouse, start, clock().date())
            verdicts = listing_checks(todo.delivered, todo.left_out)
            report_listing(context.instance, location, warehouse, verdicts)
        except PipelineError as error:
            return dg.SkipReason(str(error))
        runs = known_runs(context.instance, location)
        states = load_states(todo.work, runs, start, clock(), retry_policy)
        stale = load_states(_stale_failures(todo, runs), runs, start, clock(), retry_policy)
        due = [*states[LoadState.DUE], *stale[LoadState.DUE]]
        requests = load_requests(due, start, clock(), per_run=per_run)
        described = summary(todo, states, len(requests))
        return _result(context, location, requests, described, shapes(todo.unknown, bucket.prefix))

    return sense


def summary(todo: Plan, states: Mapping[LoadState, Sequence[Delivery]], runs: int) -> str:
    """Describe in one line what a tick found and requests."""
    counts = ", ".join(
        f"{len(deliveries)} {state}" for state, deliveries in states.items() if deliveries
    )
    unknown = (
        f" {counted(len(todo.unknown), 'unrecognised file')} (see vocareum/bucket)."
        if todo.unknown
        else ""
    )
    warned = sum(file.warns for file in todo.left_out)
    left_out = f" {counted(warned, 'file')} left out (see the checks {LEFT_OUT})." if warned else ""
    if todo.is_empty_bucket and not todo.work:
        return f"Nothing is loaded: no delivered file is recognised.{unknown}"
    if not todo.work:
        return f"All {len(todo.delivered)} delivered files are loaded.{left_out}{unknown}"
    return (
        f"{counted(len(todo.delivered), 'file')} delivered, {len(todo.work)} not loaded: {counts}."
        f" {counted(runs, 'run')} requested.{left_out}{unknown}"
    )


def _plan(
    context: dg.SensorEvaluationContext,
    location: Location,
    bucket: Sources,
    warehouse: WarehouseResource,
    start: date,
    today: date,
) -> Plan:
    """Compare the bucket with the versions that Dagster recorded as loaded.

    Logs a replaced warehouse, and a first day that differs from the start of the partitions.

    Raises:
        PipelineError: the bucket can't be listed, or belongs to another organisation.
    """
    listing = list_deliveries(bucket)
    if found_replaced := warehouse.detect_replacement():
        context.log.warning(found_replaced)
    first = first_materialized(context.instance, location)
    learned = warehouse.learn_first_day(listing, first)
    loaded = _loaded(context.instance, location, listing.deliveries, warehouse)
    todo = plan(listing, loaded, within=warehouse.loaded_range(listing, first, today))
    if learned and learned != start:
        context.log.warning(LEARNED.format(learned=learned, start=start))
    return todo


def _stale_failures(todo: Plan, runs: Sequence[KnownRun]) -> list[Delivery]:
    """Return what a new run must turn green: its last run failed, and nothing is left to load."""
    return [
        *withdrawn_failures(todo.unchanged, runs),
        *undelivered_failures(todo.delivered, runs),
    ]


def _result(
    context: dg.SensorEvaluationContext,
    location: Location,
    requests: Sequence[LoadRequest],
    described: str,
    unknown: Mapping[str, int],
) -> dg.SensorResult:
    """Log and return what a tick requests, with an event about kinds of files not seen before."""
    context.log.info(described)
    cursor, events = _report_unknown(location, unknown, context.cursor)
    return dg.SensorResult(
        run_requests=[_run_request(context.instance, location, request) for request in requests],
        skip_reason=None if requests else dg.SkipReason(described),
        cursor=cursor,
        asset_events=events,
    )


def _report_unknown(
    location: Location, kinds: Mapping[str, int], cursor: str | None
) -> tuple[str, list[dg.AssetObservation]]:
    """Return the new cursor, and an event about unrecognised files of kinds not in the old one."""
    reported = set(json.loads(cursor or "[]"))
    fresh = {kind: count for kind, count in kinds.items() if kind not in reported}
    events = [unknown_files(location, fresh)] if fresh else []
    return json.dumps(sorted(reported | set(kinds))), events


def _loaded(
    instance: dg.DagsterInstance,
    location: Location,
    deliveries: Sequence[Delivery],
    warehouse: WarehouseResource,
) -> Loaded:
    """Return the loaded versions known to Dagster; none if the warehouse is gone or replaced."""
    if not warehouse.exists:
        return {}
    generation = warehouse.generation
    versions: dict[Place, Version] = {}
    for dataset in DATASETS.values():
        partitions = {
            delivery.partition.key for delivery in deliveries if delivery.dataset is dataset
        }
        if partitions:
            key = location.asset_key(dataset)
            versions.update(materialized_versions(instance, dataset, key, partitions, generation))
    return versions


def _run_request(
    instance: dg.DagsterInstance, location: Location, request: LoadRequest
) -> dg.RunRequest:
    before = instance.get_runs_count(location.runs(tags={REQUEST_TAG: request.identity}))
    return dg.RunRequest(
        run_key=request.run_key(before + 1),
        job_name=request.job,
        asset_selection=[location.asset_key(DATASETS[name]) for name in request.only],
        tags={**request.tags, REQUEST_TAG: request.identity},
        run_config=request.run_config(),
    )
