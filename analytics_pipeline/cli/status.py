"""`analytics-pipeline status`: the overall state. Reads only, never writes, and works offline."""

from dataclasses import asdict, dataclass
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
from analytics_pipeline.cli.overview import OnDisk, compare, on_disk, with_absences
from analytics_pipeline.cli.tables import one_line
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.plan import (
    AnotherOrganisation,
    ClassifiedListing,
    Plan,
    list_deliveries,
)
from analytics_pipeline.settings import Settings, load_settings, require
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.absences import OpenAbsence, held_versions
from analytics_pipeline.warehouse.checks import alarms
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline.warehouse.sidecar import REPLACED

RETRY_SECONDS = 10.0
"""Seconds in which requests to the API and the bucket are retried: the disk's state is known
already."""


@dataclass(frozen=True)
class DatasetStatus:
    """Status of a dataset. Values that only the bucket knows are None if it could not be reached.

    Attributes:
        delivered, missing, changed: number of files in the bucket, of files never loaded, and of
        files changed upstream since. loaded, failed: number of files in the ledger, and of files
        whose newest version could not be loaded. rows, rejects: counts over the loaded files.
        newest: newest loaded day or month; empty for snapshots.
        age_days: days since the newest day, or since a snapshot was written; None if nothing is
            loaded.
        is_late: whether a newer day or month is due.
    """

    dataset: str
    delivered: int | None
    loaded: int
    missing: int | None
    changed: int | None
    failed: int
    rows: int
    rejects: int
    newest: str
    age_days: int | None
    is_late: bool


@tabular
def status() -> None:
    """Show what is delivered, loaded, failing and stale.

    Reads the disk, then the bucket if it can be reached, and writes nothing.

    Exit codes: 0 complete, 1 incomplete, 2 settings, credentials or the bucket are unusable (the
    disk's state is still shown).
    """
    settings, now = load_settings(), datetime.now(UTC)
    disk = on_disk(settings, now)
    listed_at = warehouse_now()
    listing, problem = _listing(settings)
    try:
        todo = compare(disk, listing, settings, now) if listing else None
        disk = with_absences(disk, listing, listed_at) if listing else disk
    except AnotherOrganisation as error:
        todo, problem = None, str(error)
    restored = (
        {(delivery.dataset.name, delivery.partition.key) for delivery in todo.unchanged}
        if todo
        else set()
    )
    failed = [file for file in disk.failed if (file.dataset, file.partition) not in restored]
    rows = [_dataset_status(name, disk, todo, failed) for name in DATASETS]
    complete = bool(todo and not todo.work and not failed and not disk.errors and not disk.stale)
    if wants_json():
        print_json(_as_json(settings, disk, todo, problem, failed, rows, complete, now))
    else:
        _show(settings, disk, todo, failed, rows, now)
        if todo:
            print_info(_verdict(complete, disk))
    if problem:
        print_error(f"Not compared with the bucket. {problem}")
        raise typer.Exit(UNUSABLE)
    raise typer.Exit(DONE if complete else INCOMPLETE)


def _verdict(complete: bool, disk: OnDisk) -> str:
    if not complete:
        return "Incomplete: run `analytics-pipeline sync`."
    return "Complete, for what was delivered." if disk.silent else "Complete."


def _listing(settings: Settings) -> tuple[ClassifiedListing | None, str | None]:
    """Return the bucket's listing, or the reason why there is none."""
    from analytics_pipeline.ingest.sources import open_sources

    try:
        sources = open_sources(require(settings), RETRY_SECONDS)
        return list_deliveries(sources), None
    except PipelineError as error:
        return None, str(error)


def _dataset_status(
    name: str, disk: OnDisk, todo: Plan | None, failed: list[FailedFile]
) -> DatasetStatus:
    def of_dataset(deliveries: tuple[Delivery, ...]) -> list[Delivery]:
        return [delivery for delivery in deliveries if delivery.dataset.name == name]

    failing = {file.partition for file in failed if file.dataset == name}
    never_loaded = (
        [delivery for delivery in of_dataset(todo.new) if delivery.partition.key not in failing]
        if todo
        else []
    )
    figures, age = disk.figures.get(name), disk.ages.get(name)
    return DatasetStatus(
        dataset=name,
        delivered=len(of_dataset(todo.delivered)) if todo else None,
        loaded=figures.files if figures else 0,
        missing=len(never_loaded) if todo else None,
        changed=len(of_dataset(todo.changed)) if todo else None,
        failed=len(failing),
        rows=figures.rows if figures else 0,
        rejects=figures.rejects if figures else 0,
        newest=(figures.newest_partition or "") if figures and DATASETS[name].period else "",
        age_days=age.days if age else None,
        is_late=age.is_late if age else False,
    )


def _next_attempt(file: FailedFile, absences: list[OpenAbsence]) -> datetime | None:
    """Return when the daemon retries a failing file (UTC); None if it no longer does."""
    from analytics_pipeline.orchestration.raw.load_requests import RETRY_POLICY

    version = (file.partition, file.etag)
    is_held = version in held_versions(
        absence for absence in absences if absence.dataset == file.dataset
    )
    if file.attempts >= RETRY_POLICY.attempts and not is_held:
        return None
    return file.failed_at + RETRY_POLICY.pause(file.attempts)


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
    table(f"org{settings.org_id}", [*columns, "age"], cells)
    if disk.source == "published":
        print_info("A run is writing the warehouse: this is the last published state.")
    for file in failed:
        place = f"{file.source_key}, line {file.line}" if file.line else file.source_key
        retry_at = _next_attempt(file, disk.absent)
        when = (
            f"Next retry after {retry_at:%Y-%m-%d %H:%M} UTC"
            if retry_at
            else "No more automatic retries"
        )
        print_info(f"{place}: {file.reason}. {file.remedy} {when} ({file.attempts} attempts).")
    for absence in disk.absent:
        print_info(
            f"{absence.source_key}: {absence.kind.value} since {absence.first_seen:%Y-%m-%d %H:%M}"
            f" UTC: {absence.detail}. {absence.remedy}"
        )
    print_checks(disk.errors, [file.source_key for file in failed])
    if disk.silent:
        print_error(disk.silent)
    for alarm in alarms(disk.checks):
        print_info(f"{one_line(alarm.alarm)}: {one_line(alarm.message)}")
    if disk.warnings:
        names = ", ".join(f"{check.subject} {check.name}" for check in disk.warnings)
        print_info(
            f"Warnings ({len(disk.warnings)}), described in ops.checks of the published file:"
            f" {names}."
        )
    if disk.stale:
        print_info(f"Stale models: {', '.join(disk.stale)}.")
    for key in todo.unknown if todo else ():
        print_info(f"Unrecognised file, skipped: {one_line(key)}")
    print_info(
        f"Published: {disk.published.published_at:%Y-%m-%d %H:%M} UTC."
        if disk.published
        else "Published: never."
    )
    for line in disk.published.withheld if disk.published else ():
        print_error(line)
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
        + ("alive." if disk.daemon_lives(now) else "not running; nothing is loaded automatically.")
    )


def _utc(at: datetime | None) -> str | None:
    """Return ISO 8601 with the timezone; the warehouse's timestamps are naive UTC."""
    return at.replace(tzinfo=UTC).isoformat() if at else None


def _cells(row: DatasetStatus) -> tuple[Any, ...]:
    *values, age_days, is_late = asdict(row).values()
    age = "" if age_days is None else f"{age_days} {'day' if age_days == 1 else 'days'}"
    return (*values, f"{age}, late" if is_late else age)


def _as_json(
    settings: Settings,
    disk: OnDisk,
    todo: Plan | None,
    problem: str | None,
    failed: list[FailedFile],
    rows: list[DatasetStatus],
    complete: bool,
    now: datetime,
) -> dict[str, Any]:
    """Return the status for programs.

    Fields may be added but never change meaning; docs/operations.md documents them.
    """
    checks = [check for check in disk.checks if not check.passed or check.is_open]
    return {
        "complete": complete,
        "at": now.isoformat(),
        "organisation": settings.org_id,
        "source": disk.source,
        "bucket": {"reached": todo is not None, "error": problem},
        "datasets": [asdict(row) for row in rows],
        "failing_files": [
            {
                **{
                    name: getattr(file, name)
                    for name in ("dataset", "partition", "line", "reason", "remedy", "attempts")
                },
                "key": file.source_key,
                "since": _utc(file.failed_since),
                "next_attempt": _utc(_next_attempt(file, disk.absent)),
            }
            for file in failed
        ],
        "checks": [
            {
                **{
                    name: getattr(check, name)
                    for name in ("name", "subject", "violations", "text", "remedy", "withholds")
                },
                "severity": check.severity.name,
                "since": _utc(check.since),
            }
            for check in checks
        ],
        "silent": disk.silent,
        "absent": [
            {
                **{
                    name: getattr(absence, name)
                    for name in ("dataset", "partition", "held", "detail", "remedy")
                },
                "key": absence.source_key,
                "kind": absence.kind.value,
                "since": _utc(absence.first_seen),
            }
            for absence in disk.absent
        ],
        "stale_models": disk.stale,
        "published": (
            disk.published
            and {
                "at": _utc(disk.published.published_at),
                "kept": {name: _utc(at) for name, at in disk.published.kept.items()},
                "left_out": list(disk.published.left_out),
            }
        ),
        "daemon": {"alive": disk.daemon_lives(now), "heartbeat": _utc(disk.heartbeat)},
        "replaced": {"now": disk.is_replaced, "found": _utc(disk.replaced_at)},
        "own_dagster_yaml": str(disk.own_dagster_yaml) if disk.own_dagster_yaml else None,
        "unknown": list(todo.unknown) if todo else [],
    }
