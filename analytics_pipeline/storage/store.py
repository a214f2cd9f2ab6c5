"""Where a file is handed over to its readers: a folder, or a prefix in S3.

In a folder the file is replaced atomically, and whoever writes it has done everything. In S3
(`object_store.py`) each version has a key of its own, and a small pointer names the current one: an
object that is replaced gives an open reader bytes of two files.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from analytics_pipeline.errors import PipelineError

KEPT = timedelta(days=1)
"""How long a version stays after it was replaced, for those who have it open."""


class StoreFailed(PipelineError):
    """The store can't be read or written. The message names it, with the reason and the remedy."""

    exit_code = 1


class Superseded(StoreFailed):
    """Another process has stored a later version in the meantime; that one is kept."""


@dataclass(frozen=True)
class Version:
    """A version of a file in the store.

    Attributes:
        key: of its object.
        sha256: of its bytes, in hex.
        size: bytes.
        at: time of its content, always later than that of the version before (UTC, naive).
    """

    key: str
    sha256: str
    size: int
    at: datetime


@dataclass(frozen=True)
class Pointer:
    """What the store says is current.

    Attributes:
        version: the current version; None if there never was one.
        etag: of the pointer's object; empty without one.
    """

    version: Version | None = None
    etag: str = ""


@dataclass(frozen=True)
class Fetched:
    """Result of fetching the current version.

    Attributes:
        pointer: what was current; None if the store could not be asked.
        problem: why the local file may not be the current version.
        is_ahead: whether the local file is kept, as it is later than the store's version: it was
            not uploaded.
    """

    pointer: Pointer | None = None
    problem: StoreFailed | None = None
    is_ahead: bool = False


class Store(Protocol):
    """A place for published files, by the name of the local file."""

    @property
    def not_reached(self) -> tuple[str, ...]:
        """Places that may keep what `delete_before` deletes, for the receipt of an erasure."""

    def describe(self, name: str = "") -> str:
        """Return where it is, or where the pointer to a file is; empty for a folder."""

    def identity(self, file: Path) -> str:
        """Return a text that differs after the file was changed; empty if it is missing."""

    def current(self, name: str) -> Fetched:
        """Return what is current, without fetching it. Never raises."""

    def fetch(
        self, file: Path, time_of: Callable[[Path], datetime | None] = lambda _: None
    ) -> Fetched:
        """Replace a local file by the current version, unless it is that one. Never raises.

        Args:
            file: the local file, which may be missing.
            time_of: returns the time of its content (UTC, naive). A later one is kept.
        """

    def put(self, file: Path, at: datetime, before: Fetched) -> None:
        """Make a local file the current version.

        Args:
            file: the complete file.
            at: time of its content (UTC, naive).
            before: what was current when it was begun.

        Raises:
            Superseded: another process has put a later version.
            StoreFailed: it can't be put; the version before stays the current one.
        """

    def delete_before(self, name: str, age: timedelta) -> tuple[str, ...]:
        """Delete the versions of a file that were replaced at least this long ago, by S3's clock.

        With no age, delete all but the current one.

        Returns:
            Their addresses.

        Raises:
            StoreFailed: they can't be listed or deleted.
        """

    def check(self) -> None:
        """Write, read, list and delete.

        Raises:
            StoreFailed: one of these is refused.
        """

    def retained(self) -> str:
        """Return why deleted versions are kept, with the remedy; empty if they aren't.

        Raises:
            PipelineError: the store can't be asked.
        """


@dataclass(frozen=True)
class Folder:
    """The folder of the local file: it is read where it is written."""

    not_reached: tuple[str, ...] = ()

    def describe(self, name: str = "") -> str:
        """Return an empty text: the file's own path says it."""
        return ""

    def identity(self, file: Path) -> str:
        """Return inode, size and time of the last change."""
        return identity(file)

    def current(self, name: str) -> Fetched:
        """Return nothing: the local file is the current one."""
        return Fetched()

    def fetch(
        self, file: Path, time_of: Callable[[Path], datetime | None] = lambda _: None
    ) -> Fetched:
        """Do nothing: the local file is the current one."""
        return Fetched()

    def put(self, file: Path, at: datetime, before: Fetched) -> None:
        """Do nothing: the file was replaced atomically."""

    def delete_before(self, name: str, age: timedelta) -> tuple[str, ...]:
        """Do nothing: the file before is gone when its last reader closes it."""
        return ()

    def check(self) -> None:
        """Do nothing: the folder has a check of its own."""

    def retained(self) -> str:
        """Return an empty text: a deleted file is gone."""
        return ""


FOLDER = Folder()


def identity(file: Path) -> str:
    """Return a text that differs after a file was replaced or written; empty if it is missing."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"


def sha256(file: Path) -> str:
    """Return the hash of a file's bytes in hex; empty if it is missing."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
