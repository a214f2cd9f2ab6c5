"""`status --json`: the state for programs; docs/operations.md documents the fields."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from analytics_pipeline.cli.dataset_status import DatasetStatus, next_attempt
from analytics_pipeline.cli.overview import OnDisk
from analytics_pipeline.ingest.left_out import LeftOut
from analytics_pipeline.ingest.plan import Plan
from analytics_pipeline.orchestration.dagster_files import DagsterUnreadable
from analytics_pipeline.orchestration.sensor_faults import FailedTick, SilentSensor
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.absences import OpenAbsence
from analytics_pipeline.warehouse.checks import Check
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline.warehouse.newest_check import late_datasets
from analytics_pipeline.warehouse.signature import Signature


def as_json(
    settings: Settings,
    disk: OnDisk,
    todo: Plan | None,
    problem: str | None,
    failed: Sequence[FailedFile],
    rows: Sequence[DatasetStatus],
    complete: bool,
    now: datetime,
) -> dict[str, Any]:
    """Return the status for programs. Fields may be added but never change meaning."""
    return {
        "complete": complete,
        "at": now.isoformat(),
        "organisation": settings.org_id,
        "source": disk.source,
        "bucket": {"reached": todo is not None, "error": problem},
        "datasets": [asdict(row) for row in rows],
        "failing_files": [_failing_file(file, disk.absent, now) for file in failed],
        "checks": [_check(check) for check in disk.checks if check.is_open],
        "silent": disk.silent,
        "late": late_datasets(disk.checks),
        "absent": [_absence(absence) for absence in disk.absent],
        "stale_models": disk.stale,
        "published": disk.published and _published(disk.published),
        "outdated": disk.outdated or None,
        "lost": disk.lost or None,
        "unfinished_erasures": disk.unfinished,
        "own_files": [
            _fields(own, ("setting", "path", "lines", "problem")) for own in disk.own_files
        ],
        "not_stored": disk.unstored or None,
        "daemon": {
            "alive": disk.daemon.is_alive(now),
            "heartbeat": _utc(disk.daemon.heartbeat),
            **_fault(disk.daemon.fault),
            "failed_alerts": disk.daemon.unsent and _failed_tick(disk.daemon.unsent),
            "failed_ping": disk.daemon.unpinged and _failed_tick(disk.daemon.unpinged),
            "switched_off": list(disk.daemon.switched_off),
        },
        "replaced": {"now": disk.is_replaced, "found": _utc(disk.replaced_at)},
        "damaged": disk.damaged or None,
        "own_dagster_yaml": str(disk.own_dagster_yaml) if disk.own_dagster_yaml else None,
        "unknown": list(todo.unknown) if todo else [],
        "left_out": [_left_out(file) for file in todo.left_out] if todo else None,
    }


def _failing_file(file: FailedFile, absences: list[OpenAbsence], now: datetime) -> dict[str, Any]:
    names = ("dataset", "partition", "line", "reason", "remedy", "attempts")
    return {
        **_fields(file, names),
        "key": file.source_key,
        "since": _utc(file.failed_since),
        "next_attempt": _utc(next_attempt(file, absences, now)),
    }


def _check(check: Check) -> dict[str, Any]:
    names = ("name", "subject", "violations", "text", "remedy", "withholds")
    return {
        **_fields(check, names),
        "severity": check.severity.name,
        "since": _utc(check.since),
    }


def _absence(absence: OpenAbsence) -> dict[str, Any]:
    return {
        **_fields(absence, ("dataset", "partition", "held", "detail", "remedy")),
        "key": absence.source_key,
        "kind": absence.kind.value,
        "since": _utc(absence.first_seen),
    }


def _left_out(file: LeftOut) -> dict[str, Any]:
    names = ("dataset", "partition", "reason", "remedy", "warns")
    return {**_fields(file, names), "key": file.source_key}


def _published(published: Signature) -> dict[str, Any]:
    return {
        "at": _utc(published.published_at),
        "kept": {name: _utc(at) for name, at in published.kept.items()},
        "left_out": list(published.left_out),
        "emptied": dict(published.emptied),
        "older_files": published.older_files,
    }


def _fault(fault: FailedTick | SilentSensor | DagsterUnreadable | None) -> dict[str, Any]:
    found: dict[str, Any] = {"failed_tick": None, "silent_sensor": None, "unreadable": None}
    match fault:
        case FailedTick():
            found["failed_tick"] = _failed_tick(fault)
        case SilentSensor():
            found["silent_sensor"] = {"since": _utc(fault.since), "remedy": fault.remedy}
        case DagsterUnreadable():
            found["unreadable"] = str(fault)
    return found


def _failed_tick(tick: FailedTick) -> dict[str, Any]:
    return {
        "at": _utc(tick.at),
        "since": _utc(tick.since),
        **_fields(tick, ("sensor", "error", "remedy")),
    }


def _fields(value: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _utc(at: datetime | None) -> str | None:
    """Return ISO 8601 with the timezone; the warehouse's timestamps are naive UTC."""
    return at.replace(tzinfo=UTC).isoformat() if at else None
