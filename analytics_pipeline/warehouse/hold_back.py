"""Hold versions that must not replace loaded rows: shrunk ones, copies, and other days' files.

`ingest/absence.py` decides what counts as missing. `absences.py` stores the events with the batch.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from os import fstat
from pathlib import Path

import duckdb
import polars as pl

from analytics_pipeline.ingest.absence import Absence, Kind, misdated, repeated, shrunk
from analytics_pipeline.ingest.batch import Batch, FileResult
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.ingest.csv.typing_query import FILE
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.storage.store import sha256
from analytics_pipeline.warehouse.ledger import LoadedFile, delivery_of, loaded_files
from analytics_pipeline.words import Words

HEAD_BYTES = 4_096


@dataclass(frozen=True)
class _SizedFile:
    """A file that may be a copy of another of the same size: its version and its path."""

    delivery: Delivery
    path: Path

    @cached_property
    def head(self) -> bytes:
        """Its first bytes; none if it is not on disk as delivered: deleted or redacted."""
        try:
            with self.path.open("rb") as opened:
                is_whole = fstat(opened.fileno()).st_size == self.delivery.size
                return opened.read(HEAD_BYTES) if is_whole else b""
        except FileNotFoundError:
            return b""

    @property
    def keys(self) -> tuple[tuple[int, bytes | str], ...]:
        """Size and first bytes, and size and ETag: copies share one of them."""
        size, etag = self.delivery.size, (self.delivery.size, self.delivery.etag)
        return ((size, self.head), etag) if self.head else (etag,)

    @cached_property
    def digest(self) -> str:
        """Hash of its bytes."""
        return sha256(self.path)

    def equals(self, other: "_SizedFile") -> bool:
        """Return whether the bytes are identical or, if one is not on disk whole, the ETags."""
        if self.head and other.head:  # other days' files differ in their first rows
            return self.head == other.head and self.digest == other.digest != ""
        return self.delivery.etag == other.delivery.etag


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
    copied = _copies(batch, loaded, landing)
    held = []
    for index, result in enumerate(batch.files):
        before = loaded.get(result.landed.delivery.partition.key)
        if result.failure or (
            before and delivery_of(before).version == result.landed.delivery.version
        ):
            continue
        absence = _find_absence(batch, index, before, copied.get(index))
        if absence:
            batch.absences.append(absence)
        if absence and absence.held:
            held.append(index)
            result.failure = FileRefused(absence.detail, absence.remedy, counts=False)
    if held:
        batch.rows = batch.rows.filter(~pl.col(FILE).is_in(held))


def _find_absence(
    batch: Batch, index: int, before: LoadedFile | None, copy_of: Words | None
) -> Absence | None:
    result = batch.files[index]
    if before and (
        detail := shrunk(before.rows, result.rows, by_hand=batch.dataset.setting is not None)
    ):
        return _absence(result, Kind.SHRUNK, detail, held=True)
    if copy_of:
        # Without a value that must differ, an idle day's file may equal the previous one: it loads,
        # with a report.
        dated = batch.dataset.dated_by
        held = dated is not None and batch.rows.filter(pl.col(FILE) == index)[dated].count() > 0
        return _absence(result, Kind.REPEATED, repeated(copy_of), held=held)
    if detail := misdated(result.rows, _rows_of_other_days(batch, index)):
        return _absence(result, Kind.MISDATED, detail, held=True)
    return None


def _rows_of_other_days(batch: Batch, index: int) -> int:
    """Return how many rows of a day's file last only over a day before it, or after it."""
    day = batch.files[index].landed.delivery.partition.start
    if batch.dataset.interval is None or day is None:
        return 0
    begin, end = map(pl.col, batch.dataset.interval)
    before = pl.max_horizontal(begin, end) < day - timedelta(days=1)
    after = pl.min_horizontal(begin, end) >= day + timedelta(days=2)
    rows = batch.rows.filter(pl.col(FILE) == index)
    return rows.filter((end.is_not_null() & before) | after).height


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


def _copies(batch: Batch, loaded: dict[str, LoadedFile], landing: Path) -> dict[int, Words]:
    """Return the partition that each copy repeats, by file index; the later one is the copy."""
    order = sorted(
        range(len(batch.files)), key=lambda index: batch.files[index].landed.delivery.partition.key
    )
    in_batch = {result.landed.delivery.partition.key for result in batch.files}
    sizes = {result.landed.delivery.size for result in batch.files}
    similar: dict[tuple[int, bytes | str], list[_SizedFile]] = defaultdict(list)
    for file in loaded.values():
        if file.size in sizes and file.partition not in in_batch and file.records:
            delivery = delivery_of(file)
            sized = _SizedFile(delivery, landing_path(landing, delivery))
            for key in sized.keys:
                similar[key].append(sized)
    copies = {}
    for index in order:
        result = batch.files[index]
        if result.failure or not result.records:  # header-only files are all the same
            continue
        sized = _SizedFile(result.landed.delivery, result.landed.path)
        candidates = [other for key in sized.keys for other in similar[key]]
        if copy_of := next(filter(sized.equals, candidates), None):
            copies[index] = copy_of.delivery.partition.word
        for key in sized.keys:
            similar[key].append(sized)
    return copies
