"""Write a batch of files: replace each file's rows, rejects and ledger entry in one transaction.

Idempotent, and safe to kill at any point. `ingest/` produces the rows.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import duckdb
import polars as pl

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.absence import OF_A_VERSION, Kind
from analytics_pipeline.ingest.batch import REJECTS, Batch, FileResult, split
from analytics_pipeline.ingest.csv.typing_query import EXTRA, FILE
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.erase_batch import erase_in_batch
from analytics_pipeline.ingest.read_batch import broken_off
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.warehouse.absences import (
    close_absences,
    open_absences,
    record_absences,
    supersede_repeats,
)
from analytics_pipeline.warehouse.arrivals import record_arrivals
from analytics_pipeline.warehouse.batch_frames import files_frame, findings_frame
from analytics_pipeline.warehouse.erase import erased_people
from analytics_pipeline.warehouse.errors import WarehouseUnusable
from analytics_pipeline.warehouse.history import follow_changes
from analytics_pipeline.warehouse.ledger import failed_files
from analytics_pipeline.warehouse.tables import raw_table
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline.words import words

_NOT_OF_A_FILE = (
    *(OSError, duckdb.IOException, duckdb.FatalException, duckdb.InternalException),
    *(duckdb.InterruptException, duckdb.TransactionException, WarehouseUnusable),
)
"""Errors of the disk or the database, and interruptions: the written file did not cause them."""


def write_batch(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    now: datetime,
    run_id: str,
    *,
    accept: bool = False,
) -> None:
    """Replace the batch's files as a whole.

    Failed files keep their previous rows and are recorded as failed.

    Removes records of erased people from the batch, in the same transaction. If DuckDB or polars
    raise an error, writes each file alone; a file that raises an error again fails.

    Args:
        connection: the live warehouse.
        batch: the files as `ingest` read them.
        now: UTC, naive.
        run_id: id of the Dagster run.
        accept: whether a person accepted the files as they are, which closes their absences.

    Raises:
        OSError: the warehouse can't be written; DuckDB's IOException and FatalException mean the
            same.
    """
    try:
        _write(connection, batch, now, run_id, accept=accept)
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, _NOT_OF_A_FILE) or is_full(error):
            raise
        if len(batch.files) == 1:
            if batch.files[0].failure:
                raise
            _fail(batch, error)
            _write(connection, batch, now, run_id, accept=accept)
            return
        for single in split(batch):
            write_batch(connection, single, now, run_id, accept=accept)


def _fail(batch: Batch, error: BaseException) -> None:
    """Mark the only file of a batch as failed."""
    batch.files[0].failure = broken_off(error, words("writing"))
    batch.rows, batch.rejects, batch.absences = batch.rows.clear(), batch.rejects.clear(), []


def _write(
    connection: duckdb.DuckDBPyConnection, batch: Batch, now: datetime, run_id: str, *, accept: bool
) -> None:
    def replace() -> None:
        erase_in_batch(batch, erased_people(connection))
        connection.register("batch_files", files_frame(batch, now, run_id))
        connection.register("batch_findings", findings_frame(batch))
        connection.register("batch_rejects", batch.rejects)
        record_arrivals(connection)
        if any(result.failure is None for result in batch.files):
            _replace_rows(connection, batch, now)
            _replace_ledger(connection)
        _record_failures(connection)
        _replace_rejects(connection)
        _follow_absences(connection, batch, now, "close" if accept else "delivered")

    try:
        write(connection, replace)
    finally:
        for view in ("batch_files", "batch_findings", "batch_rejects"):
            connection.unregister(view)


def record_failures(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    refused: Sequence[FileResult],
    now: datetime,
    run_id: str,
) -> None:
    """Record files that could not be fetched as failed, like files that can't be read.

    Args:
        connection: the live warehouse.
        dataset: dataset of the files.
        refused: their results, each with its failure.
        now: UTC, naive.
        run_id: id of the Dagster run.
    """
    batch = Batch(dataset, list(refused), pl.DataFrame(), REJECTS.to_frame())
    _write(connection, batch, now, run_id, accept=False)


def resolve_failures(
    connection: duckdb.DuckDBPyConnection,
    unchanged: Iterable[Delivery],
    listed_at: datetime,
    now: datetime,
) -> None:
    """Forget failures of versions that Vocareum withdrew: the delivered version is the loaded one.

    Args:
        connection: the live warehouse.
        unchanged: deliveries whose version is loaded.
        listed_at: when their listing began (UTC, naive). A version that failed later may not be in
            it.
        now: UTC, naive.
    """
    loaded = {delivery.place for delivery in unchanged}

    def forget() -> None:
        withdrawn = [
            file.place
            for file in failed_files(connection)
            if file.place in loaded and file.failed_at < listed_at
        ]
        if not withdrawn:
            return
        connection.executemany(
            """DELETE FROM quarantine.rejects USING ops.failed_files AS failed
               WHERE (rejects.dataset, rejects.partition, rejects.etag) = (failed.dataset,
                 failed.partition, failed.etag)
                 AND failed.dataset = ? AND failed.partition = ?""",
            withdrawn,
        )
        connection.executemany(
            "DELETE FROM ops.failed_files WHERE dataset = ? AND partition = ?", withdrawn
        )
        close_absences(connection, withdrawn, now, "delivered", OF_A_VERSION)

    write(connection, forget)


def _replace_rows(connection: duckdb.DuckDBPyConnection, batch: Batch, now: datetime) -> None:
    dataset = batch.dataset
    _delete_rows(connection, dataset, batch.files)
    if batch.rows.height:
        computed = {c.name: c.computed for c in raw_table(dataset).columns if c.computed}
        names = [*(column.name for column in dataset.columns), *computed]
        columns = ", ".join(f'rows."{name}"' for name in names)
        also = "".join(f', {computed[name]} AS "{name}"' for name in computed)
        period = f"files.period AS {dataset.period.column}," if dataset.period else ""
        connection.register("batch_rows", batch.rows)
        connection.execute(
            f"""INSERT INTO {dataset.table} BY NAME
                SELECT {columns}, {period} rows.{EXTRA}::JSON AS _extra,
                  files.source_key AS _source_key, $now AS _loaded_at
                FROM (SELECT *{also} FROM batch_rows) AS rows
                JOIN batch_files AS files USING ({FILE})""",
            {"now": now},
        )
        connection.unregister("batch_rows")
    if dataset.keeps_history:
        follow_changes(connection, dataset)


def _delete_rows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, files: Sequence[FileResult]
) -> None:
    """Delete the rows of the files' partitions; the period lets DuckDB skip other years."""
    keys = connection.execute(
        """SELECT DISTINCT ledger.source_key FROM ops.loaded_files AS ledger
           JOIN batch_files AS files USING (dataset, partition) WHERE NOT files.failed"""
    ).fetchall()
    if not keys:
        return
    periods = [file.landed.delivery.partition.start for file in files]
    within, bounds = "", []
    if dataset.period:
        known: list[date] = [period for period in periods if period]
        within, bounds = f"{dataset.period.column} BETWEEN ? AND ? AND", [min(known), max(known)]
    connection.execute(
        f"DELETE FROM {dataset.table} WHERE {within} list_contains(?, _source_key)",
        [*bounds, [key for (key,) in keys]],
    )


def _replace_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("""DELETE FROM ops.loaded_files AS old USING batch_files AS new
           WHERE old.dataset = new.dataset AND old.partition = new.partition AND NOT new.failed""")
    connection.execute("""INSERT INTO ops.loaded_files BY NAME
           SELECT dataset, partition, source_key, etag, size, last_modified, period, records, rows,
             rejects, erased, warnings,
                  written_at AS loaded_at, run_id
           FROM batch_files WHERE NOT failed""")
    connection.execute("""DELETE FROM ops.findings AS old USING batch_files AS new
           WHERE old.dataset = new.dataset AND old.partition = new.partition AND NOT new.failed""")
    connection.execute(
        f"""INSERT INTO ops.findings BY NAME
            SELECT dataset, partition, source_key, etag, "column", findings.reason, is_error,
              count, lines
            FROM batch_findings AS findings JOIN batch_files AS files USING ({FILE})
            WHERE NOT files.failed"""
    )


def _record_failures(connection: duckdb.DuckDBPyConnection) -> None:
    before = (
        connection.sql(  # execute() on a connection no longer converts to polars in DuckDB 2.0.1
            """SELECT dataset, partition, etag, failed_since, attempts FROM ops.failed_files
           JOIN batch_files USING (dataset, partition, etag)"""
        ).pl()
    )
    # A replay of the loaded version leaves the failure of a newer one that S3 refused.
    connection.execute("""DELETE FROM ops.failed_files AS old USING batch_files AS new
           WHERE old.dataset = new.dataset AND old.partition = new.partition
             AND (new.failed OR old.last_modified <= new.last_modified)""")
    connection.register("failed_before", before)
    connection.execute("""INSERT INTO ops.failed_files BY NAME
           SELECT files.dataset, files.partition, source_key, files.etag, size, last_modified,
             period, reason, remedy, line,
                  records, rejects, coalesce(before.failed_since, written_at) AS failed_since,
                    written_at AS failed_at,
                  coalesce(before.attempts, 0) + 1 AS attempts, run_id
           FROM batch_files AS files LEFT JOIN failed_before AS before
             ON (before.dataset, before.partition, before.etag) = (files.dataset, files.partition,
               files.etag)
           WHERE failed""")
    connection.unregister("failed_before")


def _replace_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the rejects: a loaded file's replace all of its partition's, a failed one's are added
    to the loaded version's.
    """
    connection.execute(
        """DELETE FROM quarantine.rejects AS old USING batch_files AS new
           WHERE old.dataset = new.dataset AND old.partition = new.partition
             AND (NOT new.failed OR old.etag = new.etag
                  OR old.etag NOT IN (SELECT etag FROM ops.loaded_files AS ledger
                                      WHERE ledger.dataset = old.dataset AND ledger.partition =
                                        old.partition))"""
    )
    connection.execute(f"""INSERT INTO quarantine.rejects BY NAME
            SELECT dataset, partition, source_key, etag, rejects.line, reasons, raw,
              written_at AS quarantined_at, run_id
            FROM batch_rejects AS rejects JOIN batch_files AS files USING ({FILE})""")


def _follow_absences(
    connection: duckdb.DuckDBPyConnection, batch: Batch, now: datetime, closed_by: str
) -> None:
    """Close the absences of files that are loaded now, and record those of this batch."""
    loaded = [result.landed.delivery for result in batch.files if result.failure is None]
    places = {delivery.place for delivery in loaded}
    still_open = {event.place for event in open_absences(connection, batch.dataset.name)}
    close_absences(connection, places & still_open, now, closed_by)
    copies = {absence.partition for absence in batch.absences if absence.kind is Kind.REPEATED}
    if newest := max(
        (partition for _, partition in places if partition not in copies), default=None
    ):
        supersede_repeats(connection, batch.dataset.name, newest, now)
    record_absences(connection, batch.absences, now)
