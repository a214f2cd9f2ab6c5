"""Find files with the bytes of another file of their dataset."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import fstat
from pathlib import Path

from analytics_pipeline.ingest.batch import Batch
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.storage.store import sha256
from analytics_pipeline.warehouse.ledger import LoadedFile, delivery_of
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


def find_copied_bytes(
    batch: Batch, loaded: Mapping[str, LoadedFile], landing: Path
) -> dict[int, Words]:
    """Return the partition that each copy repeats, by file index; the later one is the copy.

    Args:
        batch: the batch as read.
        loaded: the dataset's loaded files, by partition.
        landing: folder of the files as delivered.
    """
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
