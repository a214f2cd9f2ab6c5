"""One version of a delivered file: a listed object, assigned to its dataset and partition.

Values only.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from analytics_pipeline.datasets import Dataset, Partition

Place = tuple[str, str]
"""Name of a dataset and key of a partition: where a file belongs, whichever version it has."""
Version = tuple[str, str, int]
"""Key, ETag and size: the identity of a version. Never the clock."""


class Listed(Protocol):
    """An object of the bucket, as listed."""

    @property
    def key(self) -> str:
        """Full key."""

    @property
    def etag(self) -> str:
        """Identifier of the content."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def last_modified(self) -> datetime:
        """Time of writing (UTC)."""


@dataclass(frozen=True)
class Delivery:
    """One version of a delivered file, assigned to its dataset and partition."""

    dataset: Dataset
    partition: Partition
    key: str
    etag: str
    size: int
    last_modified: datetime

    @property
    def place(self) -> Place:
        """Return the dataset and partition that the file belongs to."""
        return self.dataset.name, self.partition.key

    @property
    def version(self) -> Version:
        """Return key, ETag and size."""
        return self.key, self.etag, self.size

    @property
    def fingerprint(self) -> str:
        """Return the version as a short token for run tags and run config."""
        return hashlib.sha256(repr(self.version).encode()).hexdigest()[:16]
