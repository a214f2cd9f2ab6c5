"""One version of one delivered file: what the bucket lists, placed in its dataset. Values alone."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from analytics_pipeline.datasets import Dataset, Partition


class Listed(Protocol):
    """An object of the bucket, as a listing shows it."""

    @property
    def key(self) -> str:
        """Whole key."""

    @property
    def etag(self) -> str:
        """Version of the content."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def last_modified(self) -> datetime:
        """When it was written (UTC)."""


@dataclass(frozen=True)
class Delivery:
    """One version of one delivered file, placed in its dataset."""

    dataset: Dataset
    partition: Partition
    key: str
    etag: str
    size: int
    last_modified: datetime

    @property
    def version(self) -> tuple[str, str, int]:
        """What tells one version from another: key, ETag and size, never the clock."""
        return self.key, self.etag, self.size

    @property
    def fingerprint(self) -> str:
        """The version as a short text without blanks, commas or @, for run tags and run config."""
        return hashlib.sha256(repr(self.version).encode()).hexdigest()[:16]
