"""Close absences by a person's decision: accept what is delivered now.

`ingest/absence.py` decides what counts as missing. `warehouse/absences.py` writes to the warehouse.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.absence import Kind
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.absences import OpenAbsence, close_absences, open_absences
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.close_file import ClosedFile, close_file
from analytics_pipeline.warehouse.ledger import FailedFile, delivery_of, failed_files
from analytics_pipeline.warehouse.lost_check import record_lost_check
from analytics_pipeline.warehouse.transactions import write


@dataclass(frozen=True)
class Closed:
    """Result of a close, or of its dry run.

    Attributes:
        absences: the closed events; empty if nothing is missing.
        ended: what was removed from the warehouse, if the file is gone.
        accepted: the held version that was loaded.
        result: the result of that load; None on a dry run.
    """

    absences: Sequence[OpenAbsence]
    ended: ClosedFile | None = None
    accepted: FailedFile | None = None
    result: FileResult | None = None


def close(settings: Settings, dataset: Dataset, partition: str, *, dry_run: bool = False) -> Closed:
    """Close the absences of one file.

    A file that is gone leaves raw, quarantine and the ledger, and its states in history end. A held
    version is loaded from the landing folder. A loaded copy is no longer reported. The caller
    rebuilds the models.

    Args:
        settings: locations of the warehouse and the landing folder.
        dataset: dataset of the file.
        partition: its day, month, course id or `organisation`.
        dry_run: count and change nothing.

    Raises:
        WarehouseBusy: others held the warehouse for too long.
    """
    with warehouse_of(settings).open() as connection:
        absences = open_absences(connection, dataset.name, partition)
        absent = next((absence for absence in absences if absence.kind is Kind.GONE), None)
        if absent:
            ended = close_file(connection, dataset, absent, warehouse_now(), dry_run=dry_run)
            record_lost_check(connection, warehouse_now())
            return Closed(absences, ended=ended)
        held = {absence.etag for absence in absences if absence.held}
        versions = [
            file for file in failed_files(connection, dataset.name) if file.partition == partition
        ]
        accepted = next((version for version in versions if version.etag in held), None)
        if not accepted and absences and not dry_run:
            place = [(dataset.name, partition)]
            write(connection, lambda: close_absences(connection, place, warehouse_now(), "close"))
            record_lost_check(connection, warehouse_now())
        if not accepted or dry_run:
            return Closed(absences, accepted=accepted)
        # Under the same lock, or it could replace a newer version that another run has loaded.
        loader = Loader(
            None, settings.landing_dir, lambda: nullcontext(connection), run_id="close", accept=True
        )
        (result,) = loader.load(dataset, [delivery_of(accepted)])
        return Closed(absences, accepted=accepted, result=result)
