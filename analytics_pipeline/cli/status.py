"""`analytics-pipeline status`: the overall state. Reads only, never writes, and works offline."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import typer

from analytics_pipeline.cli.console import (
    DONE,
    INCOMPLETE,
    UNUSABLE,
    print_checks,
    print_error,
    print_info,
    print_json,
    table,
    tabular,
    wants_json,
)
from analytics_pipeline.cli.dataset_status import DatasetStatus, dataset_status, next_attempt
from analytics_pipeline.cli.feed_notice import nothing_delivered
from analytics_pipeline.cli.heartbeat import dated_ahead
from analytics_pipeline.cli.overview import (
    OnDisk,
    compare,
    on_disk,
    with_absences,
    with_listing_checks,
)
from analytics_pipeline.cli.status_json import as_json
from analytics_pipeline.cli.status_verdict import everything_loaded, most_urgent
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.left_out import lines
from analytics_pipeline.ingest.plan import (
    AnotherOrganisation,
    ClassifiedListing,
    Plan,
    list_deliveries,
)
from analytics_pipeline.settings import Settings, load_settings, require
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.checks import alarms
from analytics_pipeline.warehouse.erase import run_again
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline.warehouse.left_out_check import LEFT_OUT
from analytics_pipeline.warehouse.newest_check import late_lines
from analytics_pipeline.warehouse.rewritten_check import left_behind
from analytics_pipeline.warehouse.sidecar import REPLACED
from analytics_pipeline.words import counted

WARNINGS_SQL = (
    "SELECT subject, name, text, remedy FROM ops.checks WHERE severity = 'WARN' AND NOT passed"
    " ORDER BY ALL"
)
RETRY_SECONDS = 10.0
"""Seconds in which requests to the API and the bucket are retried: the disk's state is known
already."""


@tabular
def status() -> None:
    """Show what is delivered, loaded, failing and stale.

    Reads the disk, then the bucket if it can be reached, and writes nothing, except that it fetches
    the published file if a store has a newer one.

    Exit codes: 0 complete, 1 incomplete, 2 settings, credentials or the bucket are unusable (the
    disk's state is still shown).
    """
    settings, now = load_settings(), datetime.now(UTC)
    disk = on_disk(settings, now)
    listed_at = warehouse_now()
    listing, problem = _listing(settings)
    todo = None
    if listing:
        try:
            todo = compare(disk, listing, settings, now)
            disk = with_absences(disk, listing, listed_at, warehouse_now())
            disk = with_listing_checks(disk, listing, todo, listed_at)
        except AnotherOrganisation as error:
            problem = str(error)
    restored = {delivery.place for delivery in todo.unchanged} if todo else set()
    failed = [file for file in disk.failed if file.place not in restored]
    rows = [dataset_status(name, disk, todo, failed) for name in DATASETS]
    urgent = most_urgent(disk, todo, failed)
    # If deliveries have stopped, a check fails, but there is nothing to do here.
    complete = bool(todo and not (todo.is_empty_bucket or urgent or disk.errors))
    if wants_json():
        print_json(as_json(settings, disk, todo, problem, failed, rows, complete, now))
    else:
        _show(settings, disk, todo, failed, rows, now)
        if todo:
            say = print_info if complete else print_error
            say(
                nothing_delivered(settings, todo.unknown)
                if todo.is_empty_bucket
                else urgent or everything_loaded(disk, todo)
            )
    if problem:
        print_error(f"Not compared with the bucket. {problem}")
        raise typer.Exit(UNUSABLE)
    raise typer.Exit(DONE if complete else INCOMPLETE)


def _listing(settings: Settings) -> tuple[ClassifiedListing | None, str | None]:
    """Return the bucket's listing, or the reason why there is none."""
    from analytics_pipeline.ingest.sources import open_sources

    try:
        sources = open_sources(require(settings), RETRY_SECONDS)
        return list_deliveries(sources), None
    except PipelineError as error:
        return None, str(error)


def _show(
    settings: Settings,
    disk: OnDisk,
    todo: Plan | None,
    failed: list[FailedFile],
    rows: list[DatasetStatus],
    now: datetime,
) -> None:
    columns = [
        name for name in DatasetStatus.__dataclass_fields__ if name not in ("age_days", "is_late")
    ]
    cells = [tuple("?" if value is None else value for value in _cells(row)) for row in rows]
    table(f"org{settings.org_id}" if settings.org_id else "Loaded", [*columns, "age"], cells)
    if disk.source == "published":
        print_info("A run is writing the warehouse: this is the last published state.")
    _show_files(disk, failed, now)
    _show_checks(disk, failed)
    if disk.stale:
        print_info(f"Stale models: {', '.join(disk.stale)}.")
    for key in todo.unknown if todo else ():
        print_info(f"Unrecognised file, skipped: {one_line(key)}")
    _show_left_out(disk, todo)
    _show_surroundings(disk, now)


def _show_left_out(disk: OnDisk, todo: Plan | None) -> None:
    """Print delivered files that are not loaded; without a listing, what the last one found."""
    if todo:
        for text, remedy in lines(todo.left_out):
            print_info(f"{text} {remedy}")
        return
    for check in disk.checks:
        if check.name == LEFT_OUT and not check.passed:
            print_info(f"According to the last listing: {check.text} {check.remedy}")


def _show_files(disk: OnDisk, failed: list[FailedFile], now: datetime) -> None:
    """Print the files that fail, and those that are missing or held."""
    for file in failed:
        place = f"{file.source_key}, line {file.line}" if file.line else file.source_key
        retry_at = next_attempt(file, disk.absent, now)
        when = (
            f"Next retry after {retry_at:%Y-%m-%d %H:%M} UTC"
            if retry_at
            else "No more automatic retries"
        )
        print_error(f"{place}: {file.reason}. {file.remedy} {when} ({file.attempts} attempts).")
    for absence in disk.absent:
        print_error(
            f"{absence.source_key}: {absence.kind.value} since {absence.first_seen:%Y-%m-%d %H:%M}"
            f" UTC: {absence.detail}. {absence.remedy}"
        )


def _show_checks(disk: OnDisk, failed: list[FailedFile]) -> None:
    """Print failing checks, alarms and warnings."""
    print_checks(disk.errors, [file.source_key for file in failed])
    if disk.silent:
        print_error(disk.silent)
    for line in () if disk.silent else late_lines(disk.checks):
        print_info(line)
    for line in left_behind(disk.checks):
        print_info(line)
    for alarm in alarms(disk.checks):
        print_info(f"Alarm, {one_line(alarm.alarm)}: {one_line(alarm.message)}")
    if disk.warnings:
        names = ", ".join(f"{check.subject} {check.name}" for check in disk.warnings)
        print_info(f"Warnings ({len(disk.warnings)}): {names}. For what each found, run:")
        print_info(f'  analytics-pipeline query --format vertical "{WARNINGS_SQL}"')


def _show_surroundings(disk: OnDisk, now: datetime) -> None:
    """Print the state of the published file, of the warehouse's file and of Dagster."""
    print_info(
        f"Published: {disk.published.published_at:%Y-%m-%d %H:%M} UTC."
        if disk.published
        else "Published: never."
    )
    for problem in filter(None, (disk.lost, disk.outdated, disk.unstored, disk.damaged)):
        print_error(problem)
    for line in disk.published.withheld if disk.published else ():
        print_error(line)
    for user_id in disk.unfinished:
        print_error(run_again(user_id))
    for own in disk.own_files:
        print_error(own.later)
    if disk.is_replaced:
        print_error(REPLACED)
    if disk.replaced_at:
        print_info(
            "The warehouse was last found replaced from outside at"
            f" {disk.replaced_at:%Y-%m-%d %H:%M} UTC."
        )
    if disk.own_dagster_yaml:
        print_info(f"Dagster's settings are your own: {disk.own_dagster_yaml}.")
    print_info(
        "Dagster's daemon: "
        + (
            "alive."
            if disk.daemon.is_alive(now)
            else "unknown, as its heartbeats can't be read."
            if (disk.damaged and disk.daemon.heartbeat is None) or disk.daemon.is_unknown
            else "unknown, as your dagster.yaml keeps its heartbeats elsewhere: see the UI."
            if disk.own_dagster_yaml and disk.daemon.heartbeat is None
            else "not running; nothing is loaded automatically."
        )
    )
    if ahead := dated_ahead(disk.daemon.heartbeat, now):
        print_error(ahead)
    for fault in disk.daemon.faults:
        print_error(fault)
    if disk.daemon.off_notice:
        print_error(disk.daemon.off_notice)


def _cells(row: DatasetStatus) -> tuple[Any, ...]:
    *values, age_days, is_late = asdict(row).values()
    age = "" if age_days is None else counted(age_days, "day")
    return (*values, f"{age}, late" if is_late else age)
