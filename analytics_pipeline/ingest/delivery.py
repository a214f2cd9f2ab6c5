"""One version of a delivered file: a listed object, assigned to its dataset and partition.

Values only.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from analytics_pipeline.datasets import Dataset, Partition


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
    def version(self) -> tuple[str, str, int]:
        """Return the identity of the version: key, ETag and size, never the clock."""
        return self.key, self.etag, self.size

    @property
    def fingerprint(self) -> str:
        """Return the version as a short token for run tags and run config."""
        return hashlib.sha256(repr(self.version).encode()).hexdigest()[:16]
