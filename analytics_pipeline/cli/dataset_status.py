"""Facts that `status` shows as text or JSON: counts of each dataset, and a file's next retry."""

from dataclasses import dataclass
from datetime import datetime

from analytics_pipeline.cli.overview import OnDisk
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.plan import Plan
from analytics_pipeline.warehouse.absences import OpenAbsence, held_versions
from analytics_pipeline.warehouse.ledger import FailedFile


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


def dataset_status(
    name: str, disk: OnDisk, todo: Plan | None, failed: list[FailedFile]
) -> DatasetStatus:
    """Return the status of a dataset; `failed` are the failing files of all datasets."""

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


def next_attempt(file: FailedFile, absences: list[OpenAbsence], now: datetime) -> datetime | None:
    """Return when the daemon retries a failing file (UTC); None if it no longer does.

    If the failure is dated further ahead than a pause, a clock was wrong, and nothing waits for
    that date. `load_states.load_state` decides the same.

    Args:
        file: the file.
        absences: the open events.
        now: UTC.
    """
    from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY

    version = (file.partition, file.etag)
    is_held = version in held_versions(
        absence for absence in absences if absence.dataset == file.dataset
    )
    if file.attempts >= RETRY_POLICY.attempts and not is_held:
        return None
    pause, now = RETRY_POLICY.pause(file.attempts), now.replace(tzinfo=None)
    return now if file.failed_at - now >= pause else file.failed_at + pause
