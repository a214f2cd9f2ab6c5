"""Download one object with obstore: fetch, verify, retry.

`bucket.py` decides what to fetch, and how many at once. obstore is 1.8 to 2.8 times as fast as a
pool of boto3 calls (measured: 2,000 objects of 50 KB, two cores). It retries 5xx, resets and stalls
itself.
"""

import hashlib
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import boto3
import obstore
from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from analytics_pipeline.storage.atomic_write import private_file
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.vocareum.addresses import is_loopback
from analytics_pipeline.vocareum.answers import (
    GlobalFailure,
    RequestFailure,
    StaleCredentials,
    Transient,
    explain,
)
from analytics_pipeline.vocareum.errors import TRY_LATER, BucketError, Outage, without_context
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline.vocareum.retry import with_retries
from analytics_pipeline.vocareum.session import renew

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore import GetResult

Destination = Callable[[RemoteObject], Path]
"""Returns the target file for an object. A ValueError refuses the object."""

_NOWHERE = "http://127.0.0.1:0"  # an unreachable proxy: nothing listens on port 0
_CHUNK = 1 << 20  # bytes
_MD5 = re.compile(r"[0-9a-f]{32}")


class Halt:
    """Stop signal of a download: after an error that all requests would meet, none starts.

    Args:
        most: consecutive files that may fail after all retries; one more means that S3 is down.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_a_row = 0
        self._lock = threading.Lock()
        self._error: Exception | None = None

    def check(self) -> None:
        """Raise the stored error, if there is one.

        Raises:
            Exception: the error that another request met.
        """
        if self._error:
            raise self._error

    def stop(self, error: Exception) -> None:
        """Start no further request. The first error given is kept."""
        with self._lock:
            self._error = self._error or error

    def count(self, outcome: Downloaded | Undelivered) -> None:
        """Count consecutive transient failures.

        Raises:
            Outage: too many consecutive files failed, each with a transient failure.
        """
        with self._lock:
            failed = isinstance(outcome, Undelivered) and outcome.transient
            self._in_a_row = self._in_a_row + 1 if failed else 0
            in_a_row = self._in_a_row
        if in_a_row > self._most:
            raise Outage(f"S3 failed for {in_a_row} files in a row.", TRY_LATER)


class Transfer:
    """Fetches objects of one bucket; thread-safe.

    Args:
        session: supplies the credentials, which may change at any time.
        client: for the one request that obstore does not offer.
        name: the bucket's name.
        endpoint_url: an S3 endpoint that is not Amazon's, addressed path-style; None for Amazon's.
        region: the AWS region.
        stall: seconds without a byte after which a request is aborted and retried.
        budget: seconds in which an object may be retried.
    """

    def __init__(
        self,
        session: boto3.Session,
        client: "S3Client",
        name: str,
        endpoint_url: str | None,
        region: str,
        stall: float,
        budget: float,
    ) -> None:
        self._budget = budget
        self._session = session
        self._client = client
        self._name = name
        self._lock = threading.Lock()
        self._signed_with: Any = None
        self._current: S3Store | None = None
        self._etags_are_md5 = True
        self._config: Any = {"region": region, "virtual_hosted_style_request": endpoint_url is None}
        if endpoint_url:
            self._config["aws_endpoint_url_s3"] = endpoint_url
        amazons = f"{name}.s3.{region}.amazonaws.com"
        host = (urlsplit(endpoint_url).hostname or "") if endpoint_url else amazons
        self._options = _options(host, endpoint_url, stall, budget)

    def fetch(
        self, listed: RemoteObject, destination: Destination, halt: Halt
    ) -> Downloaded | Undelivered:
        """Download the current version to the file that `destination` names.

        On an error that every request would meet, stop all transfers that share `halt`, then raise
        it.

        Raises:
            VocareumError: no credentials could be obtained, or S3 rejects all.
            Outage: too many consecutive files failed.
            OSError: the disk is full.
        """
        try:
            outcome = self._fetch(listed, destination, halt)
            halt.count(outcome)
        except Exception as error:
            halt.stop(error)
            raise
        return outcome

    @without_context()
    def _fetch(
        self, listed: RemoteObject, destination: Destination, halt: Halt
    ) -> Downloaded | Undelivered:
        try:
            return with_retries(self._budget, Transient, StaleCredentials)(
                self._attempt, listed, destination, halt
            )
        except GlobalFailure as failure:
            raise BucketError(failure.reason, failure.remedy) from None
        except RequestFailure as failure:
            return Undelivered(
                listed, failure.reason, failure.remedy, failure.transient, failure.counts
            )

    def _attempt(self, listed: RemoteObject, destination: Destination, halt: Halt) -> Downloaded:
        halt.check()
        store, access_key_id = self._store()
        try:
            result = _open(store, listed)
        except (BaseError, FileNotFoundError, ValueError) as error:
            failure = explain(error, listed.key)
            if isinstance(failure, StaleCredentials):
                renew(self._session, access_key_id)
            raise failure from None
        return self._save(result, listed, destination)

    def _save(
        self, result: "GetResult", listed: RemoteObject, destination: Destination
    ) -> Downloaded:
        meta = result.meta
        etag = (meta["e_tag"] or "").strip('"')
        fetched = RemoteObject(listed.key, etag, meta["size"], meta["last_modified"])
        digest, size = hashlib.md5(usedforsecurity=False), 0
        try:
            target = destination(fetched)
            # Not durable: a file lost in a power failure is fetched again.
            with private_file(target, durable=False) as file:
                for chunk in result.stream(min_chunk_size=_CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                self._verify(fetched, listed, size, digest.hexdigest())
            return Downloaded(fetched, target)
        except BaseError:
            raise Transient("the connection broke before the object was complete") from None
        except ValueError as error:
            raise RequestFailure(
                f"its key is not acceptable: {error}",
                "Nothing can be done here; report it to Vocareum.",
            ) from None
        except OSError as error:
            if is_full(error):
                raise  # the other objects need space too
            raise RequestFailure(
                f"it cannot be written: {error.strerror}",
                "Check the landing folder, its permissions and its disk.",
                counts=False,
            ) from None

    def _verify(self, fetched: RemoteObject, listed: RemoteObject, size: int, md5: str) -> None:
        expected = listed.size if fetched.etag == listed.etag else fetched.size
        if size != expected:
            raise Transient(f"received {size} bytes instead of {expected}")
        if (
            self._etags_are_md5
            and _MD5.fullmatch(fetched.etag)
            and md5 != fetched.etag
            and not self._encrypts(fetched.key)
        ):
            raise Transient("its content does not match its checksum")

    def _encrypts(self, key: str) -> bool:
        """Return whether the bucket uses KMS keys: an ETag then is no MD5 (S3 API reference)."""
        try:
            method = self._client.head_object(Bucket=self._name, Key=key).get(
                "ServerSideEncryption", ""
            )
        except (ClientError, BotoCoreError):
            return False
        self._etags_are_md5 = not method.startswith("aws:kms")
        return not self._etags_are_md5

    def _store(self) -> tuple[S3Store, str]:
        """Return an obstore for the current credentials, and their access key id.

        Recreated when the credentials change. obstore's credential provider caches by its own
        rules, and would hide the Vocareum API's error.
        """
        credentials = self._session.get_credentials()
        if credentials is None:
            raise BucketError(
                "There are no credentials for S3.",
                "Make the session with `vocareum.session.session`.",
            )
        frozen = credentials.get_frozen_credentials()
        key_id = str(frozen.access_key)
        with self._lock:
            if self._current is None or frozen != self._signed_with:
                config: Any = {
                    **self._config,
                    "access_key_id": frozen.access_key,
                    "secret_access_key": frozen.secret_key,
                }
                if frozen.token:
                    config["session_token"] = frozen.token
                self._current = S3Store(self._name, config=config, **self._options)
                self._signed_with = frozen
            return self._current, key_id


def _options(host: str, endpoint_url: str | None, stall: float, budget: float) -> dict[str, Any]:
    client: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=min(10.0, stall)),
        "read_timeout": timedelta(seconds=stall),
        "timeout": timedelta(hours=1),  # for the whole body; a stall is detected long before
    }
    if endpoint_url and is_loopback(endpoint_url):
        client |= {"allow_http": True}
    if (endpoint_url and is_loopback(endpoint_url)) or not getproxies().keys() & {"https", "all"}:
        # obstore follows redirects to any host with the session token, and has no option against
        # it. So every host but S3's goes through a proxy that does not exist. Requests to this
        # machine never use a proxy of the environment.
        client |= {"proxy_url": _NOWHERE, "proxy_excludes": host}
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5)}
    retry = {"max_retries": 5, "retry_timeout": timedelta(seconds=budget), "backoff": backoff}
    return {"client_options": client, "retry_config": retry}


def _open(store: S3Store, listed: RemoteObject) -> "GetResult":
    try:
        return obstore.get(store, listed.key, options={"if_match": f'"{listed.etag}"'})
    except PreconditionError:
        # The object was rewritten after the listing. Take the current version, described by its own
        # headers.
        return obstore.get(store, listed.key)
