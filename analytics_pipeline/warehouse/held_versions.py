"""Hold versions that must not replace loaded rows: shrunk ones, copies, and other days' files.

`ingest/absence.py` decides what counts as missing. `absences.py` stores the events with the batch.
"""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from analytics_pipeline.ingest.absence import Absence, Kind, lost_money, misdated, repeated, shrunk
from analytics_pipeline.ingest.batch import Batch, FileResult
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.ingest.csv.typing_query import FILE
from analytics_pipeline.warehouse.copied_bytes import find_copied_bytes
from analytics_pipeline.warehouse.copied_rows import find_copied_rows
from analytics_pipeline.warehouse.ledger import LoadedFile, delivery_of, loaded_files
from analytics_pipeline.words import Words, words


def hold_back(connection: duckdb.DuckDBPyConnection, batch: Batch, landing: Path) -> None:
    """Fail a batch's files that must not replace loaded rows; add their absences to it.

    The version that is already loaded is never held: rows that it loses on a reload were removed by
    a changed rule.

    Args:
        connection: the live warehouse.
        batch: the batch as read; held files become failed ones, and lose their rows.
        landing: folder of the files as delivered.
    """
    loaded = {file.partition: file for file in loaded_files(connection, batch.dataset.name)}
    same_rows = find_copied_rows(connection, batch, loaded)
    same_bytes = find_copied_bytes(batch, loaded, landing)
    copied = {index: repeated(words("rows"), partition) for index, partition in same_rows.items()}
    copied |= {
        index: repeated(words("bytes"), partition) for index, partition in same_bytes.items()
    }
    elsewhere = _rows_of_other_days(batch)
    held = []
    for index, result in enumerate(batch.files):
        before = loaded.get(result.landed.delivery.partition.key)
        if result.failure or (
            before and delivery_of(before).version == result.landed.delivery.version
        ):
            continue
        absence = _find_absence(connection, batch, index, before, copied.get(index))
        if absence is None and (detail := misdated(result.rows, elsewhere.get(index, 0))):
            absence = _absence(result, Kind.MISDATED, detail, held=True)
        if absence:
            batch.absences.append(absence)
        if absence and absence.held:
            held.append(index)
            result.failure = FileRefused(absence.detail, absence.remedy, counts=False)
    if held:
        batch.rows = batch.rows.filter(~pl.col(FILE).is_in(held))


def _find_absence(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    index: int,
    before: LoadedFile | None,
    copied: Words | None,
) -> Absence | None:
    result = batch.files[index]
    if before and (
        detail := shrunk(before.rows, result.rows, by_hand=batch.dataset.setting is not None)
        or lost_money(*_amounts(connection, batch, index))
    ):
        return _absence(result, Kind.SHRUNK, detail, held=True)
    if copied:
        # Without a value that must differ, an idle day's file may equal the previous one: it loads,
        # with a report.
        dated = batch.dataset.dated_by
        held = dated is not None and batch.rows.filter(pl.col(FILE) == index)[dated].count() > 0
        return _absence(result, Kind.REPEATED, copied, held=held)
    return None


def _amounts(
    connection: duckdb.DuckDBPyConnection, batch: Batch, index: int
) -> tuple[Decimal, Decimal]:
    """Return the sums of the loaded version's amounts and of the new one's, in US dollars."""
    dataset = batch.dataset
    if dataset.amount is None or dataset.period is None:
        return Decimal(0), Decimal(0)
    loaded = connection.execute(
        f"SELECT coalesce(sum({dataset.amount}), 0) FROM {dataset.table}"
        f" WHERE {dataset.period.column} = ?",
        [batch.files[index].landed.delivery.partition.start],
    ).fetchone()
    assert loaded is not None
    amounts = batch.rows.filter(pl.col(FILE) == index)[dataset.amount]
    return loaded[0], sum(amounts.drop_nulls(), Decimal(0))


def _rows_of_other_days(batch: Batch) -> dict[int, int]:
    """Return how many rows of each day's file last only over a day before it, or after it."""
    dataset = batch.dataset
    if dataset.interval is None or dataset.period is None or not batch.rows.height:
        return {}
    begin, end = map(pl.col, dataset.interval)
    days = [file.landed.delivery.partition.start for file in batch.files]
    day = pl.lit(pl.Series(days, dtype=pl.Date)).gather(pl.col(FILE))
    before = pl.max_horizontal(begin, end) < day - timedelta(days=1)
    after = pl.min_horizontal(begin, end) >= day + timedelta(days=2)
    rows = batch.rows.filter((end.is_not_null() & before) | after)
    return dict(rows[FILE].value_counts().iter_rows())


def _absence(result: FileResult, kind: Kind, detail: Words, *, held: bool) -> Absence:
    delivery = result.landed.delivery
    return Absence(
        delivery.dataset.name,
        delivery.partition.key,
        delivery.key,
        delivery.etag,
        kind,
        held,
        detail,
    )
