"""The way of a file: fetched, read, judged, written. The one place where bucket, ingest and warehouse meet.

It knows nothing of Dagster; what to load is decided in `ingest/plan.py`, by which run in `orchestration/`.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import duckdb

from analytics_pipeline.datasets import Dataset
from analytics_pipeline.ingest.batch import Batch, FileResult, Landed, read_batch
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.erase import People, erase_in_file
from analytics_pipeline.ingest.landing import has_landed, landing_path, redacted_path, tidy
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.private_files import remove_stale_parts
from analytics_pipeline.vocareum.objects import RemoteObject, Undelivered
from analytics_pipeline.warehouse.erase import erased_people
from analytics_pipeline.warehouse.hold_back import hold_back
from analytics_pipeline.warehouse.load import write_batch
from analytics_pipeline.words import Words, words

if TYPE_CHECKING:  # boto3 takes half a second, which a replay does not need
    from analytics_pipeline.vocareum.bucket import Bucket

BATCH_BYTES = 64_000_000
BATCH_FILES = 512
"""What is read, judged and written at a time: some of DuckDB's row groups, as a part of one is written twice; but three
batches, two being read and one being written, must fit into memory (measured: 0.7 GB in all, however many files)."""
READERS = 2
"""Batches that are read at a time, each by one thread."""

T = TypeVar("T")
R = TypeVar("R")
OpenWarehouse = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


@dataclass(frozen=True)
class Loader:
    """What loading needs: where files come from, where they lie, where they go.

    Attributes:
        bucket: the source; None if only files that have landed already are to be read.
        landing: folder of the files as delivered.
        open_warehouse: takes the writer's lock and opens the warehouse.
        run_id: noted with everything that is written.
        refetch: fetch even what has landed already.
        accept: load even versions that lost their rows or are copies of another file.
    """

    bucket: "Bucket | None"
    landing: Path
    open_warehouse: OpenWarehouse
    run_id: str
    refetch: bool = False
    accept: bool = False

    def load(self, dataset: Dataset, deliveries: Sequence[Delivery]) -> Iterator[FileResult]:
        """Load deliveries of one dataset; each yields its verdict once it is written, a bad one stops no other.

        Yields:
            The verdict of each file, after its transaction is committed.
        """
        for undelivered, batch in _ahead(_batched(self._fetch(deliveries)), partial(_read, dataset)):
            yield from map(_told, undelivered)
            if not batch.files:
                continue
            with self.open_warehouse() as connection:
                # A batch comes as one Arrow chunk, with which a second thread cannot help; the other cores read the next one.
                connection.execute("SET threads TO 1")
                if not self.accept:
                    hold_back(connection, batch, self.landing)
                _redact(batch, erased_people(connection))
                write_batch(connection, batch, warehouse_now(), self.run_id, accept=self.accept)
            tidy(self.landing, [one.landed.delivery for one in batch.files if one.failure is None])
            yield from map(_told, batch.files)

    def _fetch(self, deliveries: Sequence[Delivery]) -> Iterator[Landed | FileResult]:
        """Files as they land; those that did not, as a failed verdict."""
        here: list[Delivery] = []
        away: list[Delivery] = []
        for one in deliveries:
            (here if not self.refetch and has_landed(self.landing, one) else away).append(one)
        yield from (Landed(one, landing_path(self.landing, one)) for one in here)
        if not away:
            return
        if self.bucket is None:
            reason = words("it is no longer in the landing folder")
            remedy = words("Fetch it again with `analytics-pipeline sync --full`.")
            yield from (_not_landed(self.landing, one, reason, remedy) for one in away)
            return
        remove_stale_parts(self.landing)
        by_key = {one.key: one for one in away}
        objects = [RemoteObject(one.key, one.etag, one.size, one.last_modified) for one in away]
        for outcome in self.bucket.download(
            objects, lambda got: landing_path(self.landing, _as_got(by_key[got.key], got))
        ):
            delivery = by_key[outcome.object.key]
            if isinstance(outcome, Undelivered):
                # Why S3 did not deliver it: nobody has seen a cell of it.
                yield _not_landed(self.landing, delivery, Words(outcome.reason), Words(outcome.remedy))
            else:
                yield Landed(_as_got(delivery, outcome.object), outcome.path)


def _read(dataset: Dataset, files: Sequence[Landed | FileResult]) -> tuple[list[FileResult], Batch]:
    """A batch as it can be written, and the files that did not land."""
    undelivered = [one for one in files if isinstance(one, FileResult)]
    return undelivered, read_batch(dataset, [one for one in files if isinstance(one, Landed)])


def _redact(batch: Batch, people: People) -> None:
    """Write landed files again without people who were erased, beside those that are to be loaded; `tidy` then puts them in
    their place. So a process that dies in between leaves either what is loaded again, or what the next run puts in place."""
    for one in batch.files:
        aside = redacted_path(one.landed.path)
        aside.unlink(missing_ok=True)
        erase_in_file(one.landed.path, batch.dataset, people, into=None if one.failure else aside)


def _told(result: FileResult) -> FileResult:
    """Log a verdict."""
    verdict = f"failed: {result.failure.reason}" if result.failure else f"{result.rows} rows, {result.rejects} rejects"
    logger.info("%s: %s", result.landed.delivery.key, verdict)
    return result


def _as_got(delivery: Delivery, got: RemoteObject) -> Delivery:
    """The version that was fetched, which may be newer than the one that was listed."""
    return replace(delivery, etag=got.etag, size=got.size, last_modified=got.last_modified)


def _not_landed(folder: Path, delivery: Delivery, reason: Words, remedy: Words) -> FileResult:
    return FileResult(Landed(delivery, landing_path(folder, delivery)), failure=FileRefused(reason, remedy))


def _batched(files: Iterable[Landed | FileResult]) -> Generator[list[Landed | FileResult], None, None]:
    batch: list[Landed | FileResult] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.landed.delivery.size if isinstance(file, FileResult) else file.delivery.size
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _ahead(items: Generator[T, None, None], make: Callable[[T], R]) -> Iterator[R]:
    """What is made of each item, in READERS threads, while the ones before are worked on: DuckDB reads here while it
    writes there."""
    taking = Lock()

    def one() -> R | None:
        with taking:
            item = next(items, None)
        return None if item is None else make(item)

    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as threads:
        coming = deque(threads.submit(one) for _ in range(READERS))
        try:
            while coming:
                if (made := coming.popleft().result()) is not None:
                    coming.append(threads.submit(one))
                    yield made
        finally:
            # Once no thread takes from them, so that downloads that have not begun never begin.
            threads.shutdown(cancel_futures=True)
            items.close()
