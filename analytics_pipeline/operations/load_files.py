"""Load files: fetch, read, validate, write. The only place where bucket, ingest and warehouse meet.

Knows nothing of Dagster. `ingest/plan.py` decides what to load, `orchestration/` in which run.
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
from analytics_pipeline.ingest.batch import Batch, FileResult, LandedFile
from analytics_pipeline.ingest.csv.header import FileRefused
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.erase import erase_in_file
from analytics_pipeline.ingest.landing import clean_landing, has_landed, landing_path, redacted_path
from analytics_pipeline.ingest.people import People
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.storage.atomic_write import remove_stale_parts
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.vocareum.objects import RemoteObject, Undelivered
from analytics_pipeline.warehouse.erase import erased_people
from analytics_pipeline.warehouse.held_versions import hold_back
from analytics_pipeline.warehouse.load import record_failures, write_batch
from analytics_pipeline.words import Words, counted, words

if TYPE_CHECKING:  # boto3 takes half a second, which a replay does not need
    from analytics_pipeline.ingest.sources import Sources
    from analytics_pipeline.vocareum.bucket import Bucket

BATCH_BYTES = 64_000_000
BATCH_FILES = 512
"""Size of a batch. It spans several of DuckDB's row groups, as a partial one is written twice; but
three batches, two being read and one being written, must fit into memory (measured: 0.7 GB in
total, for any number of files)."""
READERS = 2
"""Number of batches read in parallel, one thread each."""

T = TypeVar("T")
R = TypeVar("R")
OpenWarehouse = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


@dataclass(frozen=True)
class Loader:
    """Source, landing folder and target of a load.

    Attributes:
        bucket: the source; None to read only landed files.
        landing: folder of the files as delivered.
        open_warehouse: takes the writer's lock and opens the warehouse.
        run_id: recorded with everything that is written.
        refetch: fetch files even if they have landed.
        accept: load even versions that are held.
        max_mb: megabytes of the largest file that is fetched and read; None for no limit.
    """

    bucket: "Bucket | Sources | None"
    landing: Path
    open_warehouse: OpenWarehouse
    run_id: str
    refetch: bool = False
    accept: bool = False
    max_mb: int | None = None

    def load(self, dataset: Dataset, deliveries: Sequence[Delivery]) -> Iterator[FileResult]:
        """Load deliveries of one dataset. A failed file does not stop the others.

        Yields:
            The result of each file, after its transaction is committed.
        """
        for undelivered, batch in _ahead(
            _batched(self._fetch(deliveries)), partial(_read, dataset, self.max_mb)
        ):
            self._record(dataset, undelivered)
            yield from map(_logged, undelivered)
            if not batch.files:
                continue
            with self.open_warehouse() as connection:
                # A batch is one Arrow chunk, which a second thread can't speed up; the other cores
                # read the next batch.
                connection.execute("SET threads TO 1")
                if not self.accept:
                    hold_back(connection, batch, self.landing)
                _redact(batch, erased_people(connection))
                write_batch(connection, batch, warehouse_now(), self.run_id, accept=self.accept)
            clean_landing(
                self.landing,
                [result.landed.delivery for result in batch.files if result.failure is None],
            )
            yield from map(_logged, batch.files)

    def _record(self, dataset: Dataset, undelivered: Sequence[FileResult]) -> None:
        """Record the files that S3 refuses, like those that can't be read.

        Any other failed transfer says nothing about the file.
        """
        refused = [result for result in undelivered if result.failure and result.failure.counts]
        if refused:
            with self.open_warehouse() as connection:
                record_failures(connection, dataset, refused, warehouse_now(), self.run_id)

    def _fetch(self, deliveries: Sequence[Delivery]) -> Iterator[LandedFile | FileResult]:
        """Yield files as they land, and failed results for those that don't."""
        landed: list[Delivery] = []
        to_fetch: list[Delivery] = []
        for delivery in deliveries:
            has_file = not self.refetch and has_landed(self.landing, delivery)
            (landed if has_file or _is_too_large(delivery, self.max_mb) else to_fetch).append(
                delivery
            )
        yield from (
            LandedFile(delivery, landing_path(self.landing, delivery)) for delivery in landed
        )
        if not to_fetch:
            return
        if self.bucket is None:
            reason = words("it is no longer in the landing folder")
            remedy = words("Fetch it again with `analytics-pipeline sync --full`.")
            yield from (
                _not_landed(self.landing, delivery, reason, remedy, counts=False)
                for delivery in to_fetch
            )
            return
        remove_stale_parts(self.landing)
        by_key = {delivery.key: delivery for delivery in to_fetch}
        objects = [
            RemoteObject(delivery.key, delivery.etag, delivery.size, delivery.last_modified)
            for delivery in to_fetch
        ]
        for outcome in self.bucket.download(
            objects,
            lambda fetched: landing_path(self.landing, _as_fetched(by_key[fetched.key], fetched)),
        ):
            delivery = by_key[outcome.object.key]
            if isinstance(outcome, Undelivered):
                # S3's reason, which contains no cell of the file.
                reason, remedy = Words(outcome.reason), Words(outcome.remedy)
                yield _not_landed(self.landing, delivery, reason, remedy, counts=outcome.counts)
            else:
                yield LandedFile(_as_fetched(delivery, outcome.object), outcome.path)


def _read(
    dataset: Dataset, max_mb: int | None, files: Sequence[LandedFile | FileResult]
) -> tuple[list[FileResult], Batch]:
    """Return the files that did not land, and the batch to write."""
    undelivered = [file for file in files if isinstance(file, FileResult)]
    landed = [file for file in files if isinstance(file, LandedFile)]
    batch = read_batch(
        dataset, [file for file in landed if not _is_too_large(file.delivery, max_mb)]
    )
    batch.files += [
        FileResult(file, failure=_too_large(file.delivery.size, max_mb))
        for file in landed
        if max_mb is not None and _is_too_large(file.delivery, max_mb)
    ]
    return undelivered, batch


def _is_too_large(delivery: Delivery, max_mb: int | None) -> bool:
    return max_mb is not None and delivery.size > max_mb * 1_000_000


def _too_large(size: int, max_mb: int) -> FileRefused:
    return FileRefused(
        words("it has {:,.1f} MB, more than the limit of {:,} MB", size / 1_000_000, max_mb),
        words(
            "If it is what its dataset should be, raise ANALYTICS_MAX_FILE_MB (reading takes about"
            " four times its size in memory) and run `analytics-pipeline sync`; if not, ask"
            " Vocareum for it again."
        ),
    )


def _redact(batch: Batch, people: People) -> None:
    """Write copies without erased people next to the landed files; `clean_landing` swaps them in.

    If the process dies in between, the next run either loads the file again or swaps the copy in.
    """
    for result in batch.files:
        aside = redacted_path(result.landed.path)
        aside.unlink(missing_ok=True)
        erase_in_file(
            result.landed.path, batch.dataset, people, into=None if result.failure else aside
        )


def _logged(result: FileResult) -> FileResult:
    """Log a result and return it."""
    verdict = (
        f"failed: {result.failure.reason}"
        if result.failure
        else f"{counted(result.rows, 'row')}, {counted(result.rejects, 'reject')}"
    )
    logger.info("%s: %s", result.landed.delivery.key, verdict)
    return result


def _as_fetched(delivery: Delivery, fetched: RemoteObject) -> Delivery:
    """Return the delivery in the fetched version, which may be newer than the listed one."""
    return replace(
        delivery, etag=fetched.etag, size=fetched.size, last_modified=fetched.last_modified
    )


def _not_landed(
    folder: Path, delivery: Delivery, reason: Words, remedy: Words, *, counts: bool
) -> FileResult:
    failure = FileRefused(reason, remedy, counts=counts)
    return FileResult(LandedFile(delivery, landing_path(folder, delivery)), failure=failure)


def _batched(
    files: Iterable[LandedFile | FileResult],
) -> Generator[list[LandedFile | FileResult], None, None]:
    batch: list[LandedFile | FileResult] = []
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
    """Yield `make(item)` per item, computed ahead in READERS threads while the caller writes."""
    taking = Lock()

    def take_one() -> R | None:
        with taking:
            item = next(items, None)
        return None if item is None else make(item)

    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as threads:
        coming = deque(threads.submit(take_one) for _ in range(READERS))
        try:
            while coming:
                if (result := coming.popleft().result()) is not None:
                    coming.append(threads.submit(take_one))
                    yield result
        finally:
            # Close the source once no thread reads from it, so that downloads that have not started
            # never start.
            threads.shutdown(cancel_futures=True)
            items.close()
