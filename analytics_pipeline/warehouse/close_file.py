"""Remove a file that is gone, after a person's decision. `absences.py` records its event."""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.delivery import Place
from analytics_pipeline.warehouse.absences import OpenAbsence, close_absences
from analytics_pipeline.warehouse.tables import history_table
from analytics_pipeline.warehouse.transactions import changed, write


@dataclass(frozen=True)
class ClosedFile:
    """Counts of a closed file: removed rows and rejects, ended states of its history."""

    rows: int
    rejects: int
    states: int


def close_file(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    absence: OpenAbsence,
    now: datetime,
    *,
    dry_run: bool = False,
) -> ClosedFile:
    """Close a file that is gone: remove it from raw, quarantine and ledger; end its states.

    A state ends when the file was first missed, or when it began if that is later. If the file is
    delivered again, it is loaded as a new one.

    Args:
        connection: the live warehouse, with no transaction open.
        dataset: dataset of the file.
        absence: the open event.
        now: UTC, naive.
        dry_run: count, then roll back.
    """
    place = absence.place

    def remove() -> ClosedFile:
        rows = changed(
            connection, f"DELETE FROM {dataset.table} WHERE _source_key = ?", [absence.source_key]
        )
        states = 0
        if dataset.keeps_history:
            states = changed(
                connection,
                f"""UPDATE {history_table(dataset).name} SET valid_to = greatest(valid_from, ?)
                    WHERE _source_key = ? AND valid_to IS NULL""",
                [absence.first_seen, absence.source_key],
            )
        rejects = changed(
            connection, "DELETE FROM quarantine.rejects WHERE (dataset, partition) = (?, ?)", place
        )
        for table in ("ops.findings", "ops.failed_files", "ops.loaded_files"):
            connection.execute(f"DELETE FROM {table} WHERE (dataset, partition) = (?, ?)", place)
        close_absences(connection, [place], now, "close")
        return ClosedFile(rows, rejects, states)

    return write(connection, remove, dry_run=dry_run)


def closed_files(connection: duckdb.DuckDBPyConnection) -> list[Place]:
    """Return the places of the files that the command closed."""
    return connection.execute(
        "SELECT DISTINCT dataset, partition FROM ops.absences WHERE closed_by = 'close' ORDER"
        " BY ALL"
    ).fetchall()
