"""The values that the bucket speaks in: what is there, what was fetched, what was not.

No behaviour belongs here.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class RemoteObject:
    """One object of the bucket, in one version.

    Attributes:
        key: the whole key, for example org9001/grades/course12/grades.csv. It is the sender's text: never a path.
        etag: S3's name for this content, without quotes.
        size: bytes.
        last_modified: UTC.
    """

    key: str
    etag: str
    size: int
    last_modified: datetime


@dataclass(frozen=True)
class Downloaded:
    """An object that is now in the file `path`; `object` describes the version really fetched."""

    object: RemoteObject
    path: Path


@dataclass(frozen=True)
class Undelivered:
    """An object that could not be fetched, why, and what to do. If `transient`, the next run may well get it."""

    object: RemoteObject
    reason: str
    remedy: str
    transient: bool = False
