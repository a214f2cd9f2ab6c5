"""Versions that may not replace what is loaded: those that lost their rows, and copies of another file.

What counts as missing is decided in `ingest/absence.py`; the events are kept by `absences.py`, with the batch.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path

import duckdb
import polars as pl

from analytics_pipeline.ingest.absence import Absence, Kind, repeated, shrunk
from analytics_pipeline.ingest.batch import Batch, FileResult
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.ingest.csv.read_files import FILE
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.warehouse.ledger import LoadedFile, delivery_of, loaded_files
from analytics_pipeline.words import Words


@dataclass(frozen=True)
class _Same:
    """A file whose size another one has: where it lies, and its version."""

    delivery: Delivery
    path: Path


def hold_back(connection: duckdb.DuckDBPyConnection, batch: Batch, landing: Path) -> None:
    """Fail the files of a batch that may not replace what is loaded, and note in the batch what is missing.

    The version that is loaded already is never held back: what a reload loses, a changed rule has taken.

    Args:
        connection: the live warehouse.
        batch: as read; held files become failed ones, and their rows leave it.
        landing: folder of the files as delivered.
    """
    loaded = {one.partition: one for one in loaded_files(connection, batch.dataset.name)}
    copied = _copies(batch, loaded, landing)
    held = []
    for at, result in enumerate(batch.files):
        before = loaded.get(result.landed.delivery.partition.key)
        if result.failure or (before and delivery_of(before).version == result.landed.delivery.version):
            continue
        absence = _judge(batch, at, before, copied.get(at))
        if absence:
            batch.absences.append(absence)
        if absence and absence.held:
            held.append(at)
            result.failure = FileRefused(absence.detail, absence.remedy)
    if held:
        batch.rows = batch.rows.filter(~pl.col(FILE).is_in(held))


def _judge(batch: Batch, at: int, before: LoadedFile | None, copy_of: Words | None) -> Absence | None:
    result = batch.files[at]
    if before and (why := shrunk(before.rows, result.rows)):
        return _absence(result, Kind.SHRUNK, why, held=True)
    if copy_of:
        # Without a value that must differ, the file of an idle day may be the one before again: it loads, and is told of.
        dated = batch.dataset.dated_by
        held = dated is not None and batch.rows.filter(pl.col(FILE) == at)[dated].count() > 0
        return _absence(result, Kind.REPEATED, repeated(copy_of), held=held)
    return None


def _absence(result: FileResult, kind: Kind, detail: Words, *, held: bool) -> Absence:
    delivery = result.landed.delivery
    return Absence(delivery.dataset.name, delivery.partition.key, delivery.key, delivery.etag, kind, held, detail)


def _copies(batch: Batch, loaded: dict[str, LoadedFile], landing: Path) -> dict[int, Words]:
    """Return the partition of which a file is a copy, by the file's place in the batch; of two in a batch the later is."""
    order = sorted(range(len(batch.files)), key=lambda at: batch.files[at].landed.delivery.partition.key)
    ours = {result.landed.delivery.partition.key for result in batch.files}
    by_size: dict[int, list[_Same]] = defaultdict(list)
    for file in loaded.values():
        if file.partition not in ours and file.records:
            delivery = delivery_of(file)
            by_size[file.size].append(_Same(delivery, landing_path(landing, delivery)))
    found = {}
    for at in order:
        result = batch.files[at]
        if result.failure or not result.records:  # files of a header alone are all the same
            continue
        mine = _Same(result.landed.delivery, result.landed.path)
        candidates = by_size[mine.delivery.size]
        copy_of = next((other.delivery.partition.word for other in _like(mine, candidates)), None)
        if copy_of:
            found[at] = copy_of
        candidates.append(mine)
    return found


def _like(mine: _Same, candidates: list[_Same]) -> Iterator[_Same]:
    """The candidates of the same bytes; where one does not lie there as it was delivered, its ETag decides."""
    for other in candidates:
        if _is_whole(mine) and _is_whole(other):
            if cmp(mine.path, other.path, shallow=False):
                yield other
        elif mine.delivery.etag == other.delivery.etag:
            yield other


def _is_whole(file: _Same) -> bool:
    """Whether a file lies there as delivered: it may have been removed, or people may have been erased from it."""
    return file.path.exists() and file.path.stat().st_size == file.delivery.size
