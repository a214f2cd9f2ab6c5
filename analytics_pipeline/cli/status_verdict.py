"""The last sentence of `status`: why the state is incomplete, or what is late or left out."""

from collections.abc import Sequence

from analytics_pipeline.cli.overview import OnDisk
from analytics_pipeline.ingest.plan import Plan
from analytics_pipeline.warehouse.ledger import FailedFile
from analytics_pipeline.warehouse.newest_check import NEWEST, late_datasets
from analytics_pipeline.warehouse.rewritten_check import left_behind
from analytics_pipeline.words import counted


def most_urgent(disk: OnDisk, todo: Plan | None, failed: Sequence[FailedFile]) -> str | None:
    """Return why the state is incomplete, only the most urgent reason; None if there is none.

    Args:
        disk: state according to the disk.
        todo: the plan for the bucket's listing; None without a listing.
        failed: the failing files, without those whose loaded version is delivered again.
    """
    daemon = disk.daemon
    reasons = (
        (disk.lost, "a warehouse was lost, see above"),
        (disk.damaged, "one of Dagster's databases is damaged, see above"),
        (_needs_sync(disk, todo, failed), "run `analytics-pipeline sync`"),
        (disk.unfinished, "finish the erasure above"),
        (disk.own_files, "remove an erased person's email from your own files, see above"),
        (daemon.is_unknown, "it is unknown whether Dagster's daemon works, see above"),
        (daemon.fault, "Dagster's sensor does not work, see above"),
        (daemon.unsent, "not every recipient gets the alerts, see above"),
        (daemon.unpinged, "the monitoring service gets no ping, see above"),
    )
    return next((f"Incomplete: {text}." for applies, text in reasons if applies), None)


def _needs_sync(disk: OnDisk, todo: Plan | None, failed: Sequence[FailedFile]) -> bool:
    # If deliveries have stopped, no sync helps.
    errors = [check for check in disk.errors if not (disk.silent and check.name == NEWEST)]
    return bool(
        (todo and todo.work)
        or (failed or errors or disk.stale)
        or (disk.unstored or disk.outdated or disk.is_replaced)
    )


def everything_loaded(disk: OnDisk, todo: Plan) -> str:
    """Return the sentence if everything delivered is loaded: what is late or left out."""
    late = _late(disk)
    left_out = f"{counted(len(todo.left_out), 'file')} left out"
    if any(file.warns for file in todo.left_out):
        but = f", but {late}" if late else ""
        return f"Everything delivered is loaded except for {left_out}, see above{but}."
    if late:
        return f"Everything delivered is loaded, but {late}."
    return f"Complete. See above for {left_out}." if todo.left_out else "Complete."


def _late(disk: OnDisk) -> str:
    if day := disk.silent_since:
        return f"nothing has been delivered since {day.day} {day:%b %Y}"
    late = [f"{name} is late" for name in late_datasets(disk.checks)]
    if left_behind(disk.checks):
        late.append("some courses' snapshots are left behind")
    return ", ".join(late)
