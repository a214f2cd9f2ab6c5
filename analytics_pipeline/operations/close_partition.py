"""Ending what is missing by a person's decision: accept what is delivered now, be it nothing, fewer rows or a copy.

What counts as missing is decided in `ingest/absence.py`; what ends in the warehouse is written in `warehouse/absences.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.absence import Kind
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.absences import Ended, OpenAbsence, end_file, open_absences, record_lost, settle
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.ledger import FailedFile, delivery_of, failed_files
from analytics_pipeline.warehouse.transactions import transaction


@dataclass(frozen=True)
class Closed:
    """What a close did, or would do.

    Attributes:
        absences: the events that it ends; none if nothing is missing.
        ended: what it takes out of the warehouse, where the file is gone.
        accepted: the held version that it loads.
        result: the verdict of that load; None on a dry run.
    """

    absences: Sequence[OpenAbsence]
    ended: Ended | None = None
    accepted: FailedFile | None = None
    result: FileResult | None = None


def close(settings: Settings, dataset: Dataset, partition: str, *, dry_run: bool = False) -> Closed:
    """End what is missing from one file.

    A file that is gone leaves raw, quarantine and the ledger, and its states in history end. A version that is held back is
    loaded from the landing folder. A copy that is loaded is no longer told of. Models are rebuilt by the caller.

    Args:
        settings: where everything lies.
        dataset: of the file.
        partition: its day, month, course id or `organisation`.
        dry_run: count and change nothing.

    Raises:
        WarehouseBusy: others held the warehouse for too long.
    """
    with open_warehouse(settings.warehouse_path) as connection:
        absences = open_absences(connection, dataset.name, partition)
        absent = next((one for one in absences if one.kind is Kind.GONE), None)
        if absent:
            ended = end_file(connection, dataset, absent, warehouse_now(), dry_run=dry_run)
            record_lost(connection, warehouse_now())
            return Closed(absences, ended=ended)
        held = {one.etag for one in absences if one.held}
        versions = [one for one in failed_files(connection, dataset.name) if one.partition == partition]
        accepted = next((one for one in versions if one.etag in held), None)
        if not accepted and absences and not dry_run:
            with transaction(connection):
                settle(connection, [(dataset.name, partition)], warehouse_now(), "close")
            record_lost(connection, warehouse_now())
    if not accepted or dry_run:
        return Closed(absences, accepted=accepted)
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), run_id="close", accept=True
    )
    (result,) = loader.load(dataset, [delivery_of(accepted)])
    return Closed(absences, accepted=accepted, result=result)
