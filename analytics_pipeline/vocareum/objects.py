"""Value types of the bucket: a listed object, a downloaded one, a failed download. No behaviour."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class RemoteObject:
    """One version of an object in the bucket.

    Attributes:
        key: the full key, for example org9001/grades/course12/grades.csv. Vendor's text: never use
            it as a path.
        etag: S3's identifier of the content, without quotes.
        size: bytes.
        last_modified: UTC.
    """

    key: str
    etag: str
    size: int
    last_modified: datetime


@dataclass(frozen=True)
class Downloaded:
    """An object that was saved as `path`; `object` describes the version that was fetched."""

    object: RemoteObject
    path: Path


@dataclass(frozen=True)
class Undelivered:
    """An object that could not be fetched, with reason and remedy.

    Attributes:
        transient: whether S3 itself may be down; the next run may succeed.
        counts: whether this version of the object is at fault, and not S3, the network or the disk.
    """

    object: RemoteObject
    reason: str
    remedy: str
    transient: bool = False
    counts: bool = True
