"""The objects under a prefix in S3: reading, writing and deleting them, with errors for people."""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from botocore.exceptions import ClientError

from analytics_pipeline.storage.atomic_write import private_file, remove_stale_parts
from analytics_pipeline.storage.buckets import retained, s3_client
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.storage.store import StoreFailed, Version
from analytics_pipeline.storage.store_failures import error_code, reporting

_MISSING = ("NoSuchKey", "404")
_CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", *_MISSING)
"""How S3 says that an object is not, or no longer, the one of the condition."""
_UNCONDITIONAL = ("NotImplemented", "MethodNotAllowed", "501")
"""How servers that know no conditions say so."""
_CHUNK = 1 << 20  # bytes


class Gone(Exception):
    """The object that a pointer names does not exist."""

    def __init__(self, failure: StoreFailed) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True)
class Objects:
    """A prefix of a bucket. Each method that asks S3 raises StoreFailed if S3 doesn't do it.

    Attributes:
        bucket: name of the bucket.
        prefix: with a final slash.
        endpoint_url: S3 endpoint, if it is not Amazon's.
        region: region of the bucket.
    """

    bucket: str
    prefix: str
    endpoint_url: str | None
    region: str

    def url(self, key: str) -> str:
        """Return the address of an object."""
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return bytes and ETag of a small object; None if there is none."""
        with self._reporting("read", key):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            return answer["Body"].read(), answer["ETag"]

    def replace(self, key: str, text: bytes, etag: str) -> bool:
        """Write a small JSON object; return False if it is no longer the one with that ETag.

        Args:
            key: the object's key.
            text: the new bytes.
            etag: ETag of the one before; empty if there was none.
        """
        request = {
            "Bucket": self.bucket,
            "Key": key,
            "Body": text,
            "ContentType": "application/json",
            "CacheControl": "no-cache",
        }
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        with self._reporting("write", key):
            try:
                self._client.put_object(**request, **condition)
            except ClientError as error:
                if error_code(error) in _UNCONDITIONAL:  # the caller compared the ETag just before
                    self._client.put_object(**request)
                elif error_code(error) in _CHANGED:
                    return False
                else:
                    raise
        return True

    def upload(self, version: Version, opened: BinaryIO) -> None:
        """Upload in one request: parts of an upload that was killed would stay, invisible."""
        with self._reporting("write", version.key):
            self._client.put_object(Bucket=self.bucket, Key=version.key, Body=opened)

    def download(self, version: Version, file: Path) -> None:
        """Replace a file by a version.

        Raises:
            Gone: there is no such object.
        """
        make_export_folder(file.parent)
        remove_stale_parts(file.parent, below=False)
        with self._reporting("read", version.key), private_file(file, keeps_mode=True) as part:
            try:
                body = self._client.get_object(Bucket=self.bucket, Key=version.key)["Body"]
            except ClientError as error:
                if error_code(error) not in _MISSING:
                    raise
                raise Gone(
                    StoreFailed(
                        f"{self.url(version.key)} is missing, and the pointer names it.",
                        "Run `analytics-pipeline publish`, or `report` for the report.",
                    )
                ) from None
            digest = hashlib.sha256()
            while chunk := body.read(_CHUNK):
                digest.update(chunk)
                part.write(chunk)
            if digest.hexdigest() != version.sha256:
                raise StoreFailed(
                    f"{self.url(version.key)} is damaged: its SHA-256 is not the pointer's.",
                    "Run the command again; if it stays so, delete the pointer and run"
                    " `analytics-pipeline publish`.",
                )

    def delete(self, key: str) -> None:
        """Delete an object."""
        with self._reporting("delete", key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def uploads(self, stem: str) -> tuple[list[tuple[datetime, str]], datetime]:
        """Return time and key of each version of a file, the oldest first, and the server's time.

        Args:
            stem: the file's name without its suffix.
        """
        found, now = [], datetime.now(UTC)
        with self._reporting("list", self.prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{self.prefix}{stem}-"
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
        self.delete(key)

    def retained(self) -> str:
        """Ask the bucket whether it keeps earlier versions of objects."""
        return retained(self._client, self.bucket, "the published file")

    @cached_property
    def _client(self) -> Any:
        return s3_client(self.endpoint_url, self.region)

    def _reporting(self, verb: str, key: str) -> AbstractContextManager[None]:
        return reporting(verb, self.url(key))
