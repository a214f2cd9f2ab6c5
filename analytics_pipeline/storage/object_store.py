"""A prefix in S3 as a store: each version of a file has a new key, and a pointer names the current.

The pointer (`pointer.py`), such as `analytics.json`, is replaced on the condition that it is still
the one that the writer has seen, so it never goes back in time, even if two processes write at
once.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from botocore.exceptions import ClientError

from analytics_pipeline.storage.atomic_write import private_file, remove_stale_parts
from analytics_pipeline.storage.buckets import retained, s3_client
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.storage.pointer import pointed_version, pointer_text
from analytics_pipeline.storage.store import (
    Fetched,
    Pointer,
    StoreFailed,
    Superseded,
    Version,
    sha256,
)
from analytics_pipeline.storage.store_failures import Refused, error_code, reporting

_MISSING = ("NoSuchKey", "404")
_CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", *_MISSING)
"""How S3 says that an object is not, or no longer, the one of the condition."""
_UNCONDITIONAL = ("NotImplemented", "MethodNotAllowed", "501")
"""How servers that know no conditions say so."""
_TRIES = 5
_CHUNK = 1 << 20  # bytes


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
        return self._url(self._pointer_key(name) if name else self.prefix)

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
            self._upload(version, opened)
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
            with self._reporting("delete from", self.prefix):
                found, now = self._uploads(name)
                old = [
                    key
                    for (_, key), (replaced_at, _) in pairwise(found)
                    if not age or now - replaced_at >= age
                ]
                old += [found[-1][1]] if found and not age else []
                doomed = [key for key in old if key != pointer.version.key]
                for key in doomed:
                    self._client.delete_object(Bucket=self.bucket, Key=key)
        except StoreFailed as error:
            text = f"Earlier versions of {name} stay in the store: {error.message}"
            raise StoreFailed(text, error.remedy) from None
        return tuple(map(self._url, doomed))

    def _uploads(self, name: str) -> tuple[list[tuple[datetime, str]], datetime]:
        """Return time and key of each version, the oldest first, and the server's time."""
        found, now = [], datetime.now(UTC)
        for page in self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}{Path(name).stem}-"
        ):
            now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
            found += [(each["LastModified"], each["Key"]) for each in page.get("Contents", ())]
        return sorted(found), now

    def check(self) -> None:
        """Write, read, list and delete a small object."""
        key = f"{self.prefix}doctor-{uuid4().hex}"
        with self._reporting("write", key):
            self._client.put_object(Bucket=self.bucket, Key=key, Body=b"doctor")
        with self._reporting("read", key):
            self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        with self._reporting("list", self.prefix):
            self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)
        with self._reporting("delete", key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def retained(self) -> str:
        """Ask the bucket whether it keeps earlier versions of objects."""
        return retained(self._client, self.bucket, "the published file")

    @cached_property
    def _client(self) -> Any:
        return s3_client(self.endpoint_url, self.region)

    def _url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _pointer_key(self, name: str) -> str:
        return f"{self.prefix}{Path(name).stem}.json"

    def _pointer(self, name: str) -> Pointer:
        key = self._pointer_key(name)
        with self._reporting("read", key):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return Pointer()
                raise
            text = answer["Body"].read()
        return Pointer(pointed_version(text, self._url(key)), answer["ETag"])

    def _download_current(self, pointer: Pointer, file: Path) -> Pointer:
        """Download what a pointer names, or its successor if that was deleted meanwhile."""
        for _ in range(_TRIES):
            assert pointer.version is not None
            try:
                self._download(pointer.version, file)
            except _Gone as error:
                after = self._pointer(file.name)
                if after.version in (None, pointer.version):
                    raise error.failure from None
                pointer = after
            else:
                break
        return pointer

    def _download(self, version: Version, file: Path) -> None:
        make_export_folder(file.parent)
        remove_stale_parts(file.parent, below=False)
        with self._reporting("read", version.key), private_file(file, keeps_mode=True) as part:
            try:
                body = self._client.get_object(Bucket=self.bucket, Key=version.key)["Body"]
            except ClientError as error:
                if error_code(error) not in _MISSING:
                    raise
                raise _Gone(
                    StoreFailed(
                        f"{self._url(version.key)} is missing, and the pointer names it.",
                        "Run `analytics-pipeline publish`, or `report` for the report.",
                    )
                ) from None
            digest = hashlib.sha256()
            while chunk := body.read(_CHUNK):
                digest.update(chunk)
                part.write(chunk)
            if digest.hexdigest() != version.sha256:
                raise StoreFailed(
                    f"{self._url(version.key)} is damaged: its SHA-256 is not the pointer's.",
                    "Run the command again; if it stays so, delete the pointer and run"
                    " `analytics-pipeline publish`.",
                )

    def _upload(self, version: Version, opened: BinaryIO) -> None:
        """Upload in one request: parts of an upload that was killed would stay, invisible."""
        with self._reporting("write", version.key):
            self._client.put_object(Bucket=self.bucket, Key=version.key, Body=opened)

    def _withdraw(self, name: str, version: Version) -> None:
        """Delete an upload that no pointer names: `delete_before` would take it for a successor."""
        with suppress(StoreFailed):  # what failed before is reported
            current = self._pointer(name).version
            if current is None or current.key != version.key:
                with self._reporting("delete", version.key):
                    self._client.delete_object(Bucket=self.bucket, Key=version.key)

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
            f"{self.describe(name)} changes all the time.", "Run the same command again."
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
        request = {
            "Bucket": self.bucket,
            "Key": key,
            "Body": pointer_text(version, self._url(version.key)),
            "ContentType": "application/json",
            "CacheControl": "no-cache",
        }
        condition = {"IfMatch": before.etag} if before.etag else {"IfNoneMatch": "*"}
        with self._reporting("write", key):
            try:
                self._client.put_object(**request, **condition)
            except ClientError as error:
                if error_code(error) in _UNCONDITIONAL:  # the etag was compared just before
                    self._client.put_object(**request)
                elif error_code(error) in _CHANGED:
                    return False
                else:
                    raise
        return True

    def _reporting(self, verb: str, key: str) -> AbstractContextManager[None]:
        return reporting(verb, self._url(key))


class _Gone(Exception):
    """The object that a pointer names does not exist."""

    def __init__(self, failure: StoreFailed) -> None:
        super().__init__(failure)
        self.failure = failure
