"""A prefix in S3 as a store: each version of a file has a new key, and a pointer names the current.

The pointer (`pointer.py`), such as `analytics.json`, is replaced on the condition that it is still
the one that the writer has seen, so it never goes back in time, even if two processes write at
once.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from analytics_pipeline.storage.database_log import remove_logs
from analytics_pipeline.storage.objects import Gone, Objects
from analytics_pipeline.storage.pointer import pointed_version, pointer_text
from analytics_pipeline.storage.store import (
    Fetched,
    Pointer,
    StoreFailed,
    Superseded,
    Version,
    sha256,
)
from analytics_pipeline.storage.store_failures import Refused

_TRIES = 5


@dataclass(frozen=True)
class ObjectStore:
    """A prefix of a bucket.

    Attributes:
        bucket: name of the bucket.
        prefix: with a final slash.
        endpoint_url: S3 endpoint, if it is not Amazon's.
        region: region of the bucket.
        not_reached: places that `delete_before` can't reach.
    """

    bucket: str
    prefix: str
    endpoint_url: str | None
    region: str
    not_reached: tuple[str, ...] = field(
        default=(
            "earlier versions, replicas and backups that the store's bucket keeps",
            "copies of the published file that others made or have open",
            (
                "copies of the published file on other workers, until they next start a run,"
                " publish, or read it"
            ),
        ),
        repr=False,
    )

    def describe(self, name: str = "") -> str:
        """Return the address of the prefix, or of the pointer to a file."""
        return self._objects.url(self._pointer_key(name) if name else self.prefix)

    def identity(self, file: Path) -> str:
        """Return the hash of the file's bytes, which is the same on each machine."""
        return f"sha256 {digest}" if (digest := sha256(file)) else ""

    def current(self, name: str) -> Fetched:
        """Read the pointer."""
        try:
            return Fetched(self._pointer(name))
        except StoreFailed as error:
            return Fetched(problem=error)

    def fetch(
        self, file: Path, time_of: Callable[[Path], datetime | None] = lambda _: None
    ) -> Fetched:
        """Compare by hash, and download only what differs."""
        found = self.current(file.name)
        if found.pointer is None:
            return found
        try:
            return self._fetched(found.pointer, file, time_of)
        except StoreFailed as error:
            return Fetched(found.pointer, error)
        except OSError as error:
            problem = StoreFailed(f"{file} can't be read or replaced: {error}.")
            return Fetched(found.pointer, problem)

    def _fetched(
        self, pointer: Pointer, file: Path, time_of: Callable[[Path], datetime | None]
    ) -> Fetched:
        remove_logs(file)  # the bytes of the file may be the store's, and what is read not
        local = sha256(file)
        if pointer.version is None:
            return Fetched(pointer, is_ahead=bool(local))
        if local == pointer.version.sha256:
            return Fetched(pointer)
        at = time_of(file) if local else None
        if at and at > pointer.version.at:
            return Fetched(pointer, is_ahead=True)
        return Fetched(self._download_current(pointer, file))

    def put(self, file: Path, at: datetime, before: Fetched) -> None:
        """Upload under a new key, then replace the pointer."""
        try:
            self._put(file, at, before)
        except StoreFailed as error:
            text = f"{file} is written here, but it was not uploaded: {error.message}"
            raise type(error)(text, error.remedy) from None

    def _put(self, file: Path, at: datetime, before: Fetched) -> None:
        pointer = before.pointer
        if pointer is None:  # it could not be read then
            pointer = self._pointer(file.name)
            self._require_later(file.name, at, pointer)
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            if pointer.version and pointer.version.sha256 == digest:
                return
            size = opened.seek(0, 2)
            opened.seek(0)
            name = f"{file.stem}-{at:%Y%m%dT%H%M%S.%fZ}-{digest[:16]}{file.suffix}"
            version = Version(f"{self.prefix}{name}", digest, size, at)
            self._objects.upload(version, opened)
        try:
            self._point_to(file.name, version, pointer)
        except (Superseded, Refused):
            self._withdraw(file.name, version)
            raise

    def delete_before(self, name: str, age: timedelta) -> tuple[str, ...]:
        """List all versions; a version is replaced when the next one is uploaded."""
        try:
            pointer = self._pointer(name)
            if pointer.version is None:
                return ()
            found, now = self._objects.uploads(Path(name).stem)
            old = [
                key
                for (_, key), (replaced_at, _) in pairwise(found)
                if not age or now - replaced_at >= age
            ]
            old += [found[-1][1]] if found and not age else []
            doomed = [key for key in old if key != pointer.version.key]
            for key in doomed:
                self._objects.delete(key)
        except StoreFailed as error:
            text = f"Earlier versions of {name} stay in the store: {error.message}"
            raise StoreFailed(text, error.remedy) from None
        return tuple(map(self._objects.url, doomed))

    def check(self) -> None:
        """Write, read, list and delete a small object."""
        self._objects.check()

    def retained(self) -> str:
        """Ask the bucket whether it keeps earlier versions of objects."""
        return self._objects.retained()

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.bucket, self.prefix, self.endpoint_url, self.region)

    def _pointer_key(self, name: str) -> str:
        return f"{self.prefix}{Path(name).stem}.json"

    def _pointer(self, name: str) -> Pointer:
        key = self._pointer_key(name)
        found = self._objects.read(key)
        if found is None:
            return Pointer()
        text, etag = found
        return Pointer(pointed_version(text, self._objects.url(key)), etag)

    def _download_current(self, pointer: Pointer, file: Path) -> Pointer:
        """Download what a pointer names, or its successor if that was deleted meanwhile."""
        for _ in range(_TRIES):
            assert pointer.version is not None
            try:
                self._objects.download(pointer.version, file)
            except Gone as error:
                after = self._pointer(file.name)
                if after.version in (None, pointer.version):
                    raise error.failure from None
                pointer = after
            else:
                break
        return pointer

    def _withdraw(self, name: str, version: Version) -> None:
        """Delete an upload that no pointer names: `delete_before` would take it for a successor."""
        with suppress(StoreFailed):  # what failed before is reported
            current = self._pointer(name).version
            if current is None or current.key != version.key:
                self._objects.delete(version.key)

    def _point_to(self, name: str, version: Version, before: Pointer) -> None:
        """Replace the pointer, unless another process has moved it to a later version."""
        made_at = version.at
        for _ in range(_TRIES):
            if before.version:  # clocks differ between machines, and the order must not
                after = before.version.at + timedelta(microseconds=1)
                version = replace(version, at=max(made_at, after))
            if self._pointer(name).etag == before.etag and self._swap(name, version, before):
                return
            before = self._pointer(name)
            if before.version and before.version.key == version.key:
                return  # it was written, but the response was lost
            self._require_later(name, made_at, before)
        raise StoreFailed(
            f"{self.describe(name)} kept changing while it was being replaced.",
            "Run the same command again.",
        )

    def _require_later(self, name: str, at: datetime, pointer: Pointer) -> None:
        if pointer.version and pointer.version.at > at:
            raise Superseded(
                f"{self.describe(name)} names a version of {pointer.version.at:%Y-%m-%d %H:%M:%S}"
                f" UTC already, which is later than this one ({at:%Y-%m-%d %H:%M:%S} UTC).",
                "Run the same command again. If the time is in the future, a machine's clock was"
                " wrong: delete that object first.",
            )

    def _swap(self, name: str, version: Version, before: Pointer) -> bool:
        """Write the pointer; return False if it is no longer the one before."""
        key = self._pointer_key(name)
        text = pointer_text(version, self._objects.url(version.key))
        return self._objects.replace(key, text, before.etag)
