"""The organisation's prefix of the bucket: list objects, and download many at once.

`transfer.py` fetches and verifies a single body. The meaning of keys is not known here.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from analytics_pipeline.vocareum.addresses import is_loopback, require_safe
from analytics_pipeline.vocareum.errors import SET_CLOCK, TRY_LATER, BucketError
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline.vocareum.retry import BUDGET, LastFailure, with_retries
from analytics_pipeline.vocareum.session import STALE_CODES
from analytics_pipeline.vocareum.transfer import Destination, Halt, Transfer

_OUTAGE = 16
"""Consecutive files that may fail after all retries. One more means that S3 is down."""

_REMEDIES = {
    "AccessDenied": (
        "The grant covers only the token's organisation: check VOCAREUM_ORG_ID and VOCAREUM_BUCKET."
    ),
    "NoSuchBucket": "Check VOCAREUM_BUCKET.",
    "PermanentRedirect": "Check AWS_REGION: the bucket is in another region.",
    **dict.fromkeys(
        ("301", "302", "307"),
        "Check AWS_ENDPOINT_URL_S3 and AWS_REGION: the server there redirects to another.",
    ),
    "AuthorizationHeaderMalformed": "Check AWS_REGION: the bucket is in another region.",
    "RequestTimeTooSkewed": SET_CLOCK,
    "SignatureDoesNotMatch": "Check AWS_ENDPOINT_URL_S3, and this machine's clock.",
    **dict.fromkeys(
        STALE_CODES, "S3 rejects the credentials from Vocareum. Try again later; check the clock."
    ),
}


class _BadPage(Exception):
    """A listing page that is missing or incomplete.

    The text is S3's code or botocore's error name.
    """


class Bucket:
    """The objects under one prefix of one bucket.

    The credentials only allow listing and reading under `org{org}/` (docs/feed.md, the vendor's
    article).

    Args:
        session: boto3 session, usually from `session.session`.
        name: the bucket's name.
        prefix: start of every key, for example org9001/.
        endpoint_url: an S3 endpoint that is not Amazon's, addressed path-style.
        region: the bucket's AWS region.
        stall: seconds without a byte after which a request is retried.
        budget: seconds in which a page or an object may be retried.

    Raises:
        UnsafeAddress: the endpoint is neither HTTPS nor HTTP on this machine.
        BucketError: an AWS_ variable of the environment has no meaning.
    """

    def __init__(
        self,
        session: boto3.Session,
        name: str,
        prefix: str,
        endpoint_url: str | None = None,
        region: str = "us-west-2",
        *,
        stall: float = 30.0,
        budget: float = BUDGET,
    ) -> None:
        endpoint_url = require_safe(endpoint_url, "AWS_ENDPOINT_URL_S3") if endpoint_url else None
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 2},  # `with_retries` adds its own
            connect_timeout=min(10.0, stall),
            read_timeout=stall,
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # newer than its stubs
            # Never send requests to this machine through a proxy.
            proxies={} if endpoint_url and is_loopback(endpoint_url) else None,
        )
        self.name = name
        self.prefix = prefix
        self._budget = budget
        self._outage = LastFailure()
        try:
            self._client = session.client(
                "s3", endpoint_url=endpoint_url, region_name=region, config=config
            )
        except BotoCoreError as error:
            raise BucketError(
                f"The AWS settings of the environment can't be used: {error}",
                "Correct or unset this variable (its name begins with AWS_).",
            ) from None
        self._transfer = Transfer(session, self._client, name, endpoint_url, region, stall, budget)

    def list(self, under: str = "") -> Iterator[RemoteObject]:
        """Yield the objects whose keys begin with the prefix and `under`, in key order.

        An error can follow some objects: the listing is complete only if it ends without one.

        Raises:
            BucketError: listing is denied, or S3 fails.
            VocareumError: no credentials could be obtained.
        """
        self._outage.raise_cached()
        try:
            for page in self._pages(self.prefix + under):
                for entry in page.get("Contents", []):
                    if entry["Key"].endswith("/"):
                        continue  # a folder marker created in the S3 console
                    modified = entry["LastModified"].astimezone(UTC)
                    yield RemoteObject(
                        entry["Key"], entry["ETag"].strip('"'), entry["Size"], modified
                    )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
        except BotoCoreError as error:
            code = type(error).__name__
        except RecursionError:
            # botocore looks up the region after a redirect, and that request is redirected too.
            code = "307"
        except _BadPage as error:
            code = str(error)
        else:
            return
        raise self._outage.remember(
            BucketError(
                f"The files under {self.prefix + under} in the bucket {self.name} could not be"
                f" listed ({code}).",
                _REMEDIES.get(code, TRY_LATER),
            )
        )

    def _pages(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        # botocore's paginator takes a truncated body for the last page, or crashes on it.
        page: Mapping[str, Any] = {}
        while page.get("IsTruncated", True):
            more = {"ContinuationToken": page["NextContinuationToken"]} if page else {}
            page = with_retries(self._budget, _BadPage)(
                self._page, Bucket=self.name, Prefix=prefix, **more
            )
            yield page

    def _page(self, **arguments: str) -> Mapping[str, Any]:
        try:
            page = self._client.list_objects_v2(**arguments)  # type: ignore[arg-type]
        except (NoConnection, HTTPClientError, ResponseParserError) as error:
            raise _BadPage(type(error).__name__) from None
        except ClientError as error:
            if (
                error.response["ResponseMetadata"]["HTTPStatusCode"]
                < HTTPStatus.INTERNAL_SERVER_ERROR
            ):
                raise
            raise _BadPage(error.response["Error"]["Code"]) from None
        if "IsTruncated" not in page:  # S3 always sends it
            raise _BadPage("a response without its end")
        return page

    def download(
        self, objects: Iterable[RemoteObject], destination: Destination, *, workers: int = 16
    ) -> Iterator[Downloaded | Undelivered]:
        """Download the objects, `workers` at a time, and yield each result when it is final.

        Every object gets exactly one result. An object's failure does not affect the others. Only
        an error that every request would meet ends the download; no further object is started then.
        Closing the iterator early cancels the objects that have not started.

        Args:
            objects: the objects, as listed. If a newer version exists by now, it is downloaded
                instead.
            destination: returns the file for an object, given the version fetched; called from
                several threads. Keys are the vendor's text, so it must refuse (ValueError) a key
                that leads out of its folder.
            workers: number of parallel downloads.

        Raises:
            BucketError: S3 rejects all credentials, or this machine's clock.
            Outage: too many consecutive files failed, each with a transient failure.
            VocareumError: no credentials could be obtained.
            OSError: the disk is full.
        """
        halt = Halt(_OUTAGE)
        pool = ThreadPoolExecutor(workers, thread_name_prefix="download")
        try:
            pending = [
                pool.submit(self._transfer.fetch, listed, destination, halt) for listed in objects
            ]
            for future in as_completed(pending):
                yield future.result()
        finally:
            halt.stop(
                BucketError(
                    "The download was ended early.", "Nothing to do: the next run fetches the rest."
                )
            )
            pool.shutdown(cancel_futures=True)
