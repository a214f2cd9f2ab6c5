"""The organisation's part of the bucket: list what is there, download many objects at once.

How a single body is fetched and verified is in transfer.py; what the keys mean is not known here.
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
from analytics_pipeline.vocareum.credentials import STALE_CODES
from analytics_pipeline.vocareum.errors import SET_CLOCK, TRY_LATER, BucketError
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline.vocareum.retry import BUDGET, LastFailure, patiently
from analytics_pipeline.vocareum.transfer import Destination, Halt, Transfer

_OUTAGE = 16  # files in a row that many attempts could not get: S3 is down, don't wait for thousands more

_REMEDIES = {
    "AccessDenied": "The grant covers the token's own organisation: check VOCAREUM_ORG_ID and VOCAREUM_BUCKET.",
    "NoSuchBucket": "Check VOCAREUM_BUCKET.",
    "PermanentRedirect": "Check AWS_REGION: the bucket is in another region.",
    **dict.fromkeys(
        ("301", "302", "307"), "Check AWS_ENDPOINT_URL_S3 and AWS_REGION: the server there sends us elsewhere."
    ),
    "AuthorizationHeaderMalformed": "Check AWS_REGION: the bucket is in another region.",
    "RequestTimeTooSkewed": SET_CLOCK,
    "SignatureDoesNotMatch": "Check AWS_ENDPOINT_URL_S3, and this machine's clock.",
    **dict.fromkeys(STALE_CODES, "S3 does not accept what Vocareum handed out. Try again later; check the clock."),
}


class _Spoilt(Exception):
    """A page of a listing that did not arrive, or not whole; the text is S3's code or botocore's name for it."""


class Bucket:
    """The objects under one prefix of one bucket.

    The credentials allow listing and reading under `org{org}/` and nothing else (the vendor's Data Pipeline article).

    Args:
        session: boto3 session, usually from `credentials.session`.
        name: the bucket's name.
        prefix: what every key begins with, for example org9001/.
        endpoint_url: another S3 than Amazon's, addressed path-style.
        region: the bucket's AWS region.
        stall: seconds without a byte after which a request is repeated.
        budget: seconds in which a page or an object may be asked for once more.

    Raises:
        UnsafeAddress: the endpoint is not HTTPS, nor HTTP on this machine.
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
            retries={"mode": "standard", "total_max_attempts": 2},  # and then `patiently`
            connect_timeout=min(10.0, stall),
            read_timeout=stall,
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            # A proxy from the environment must not be asked for this machine.
            proxies={} if endpoint_url and is_loopback(endpoint_url) else None,
        )
        self.name = name
        self.prefix = prefix
        self._budget = budget
        self._outage = LastFailure()
        self._client = session.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
        self._transfer = Transfer(session, self._client, name, endpoint_url, region, stall, budget)

    def list(self, under: str = "") -> Iterator[RemoteObject]:
        """List the objects whose keys begin with the prefix and `under`, in the order of their keys.

        An error may come after some objects: a listing is complete only if it ends without one.

        Raises:
            BucketError: listing is denied, or S3 fails.
            VocareumError: credentials cannot be had.
        """
        self._outage.raise_again()
        try:
            for page in self._pages(self.prefix + under):
                for found in page.get("Contents", []):
                    if found["Key"].endswith("/"):
                        continue  # a folder that someone made in the S3 console, no file
                    modified = found["LastModified"].astimezone(UTC)
                    yield RemoteObject(found["Key"], found["ETag"].strip('"'), found["Size"], modified)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
        except BotoCoreError as error:
            code = type(error).__name__
        except RecursionError:  # botocore asks where to go, and is sent elsewhere with that question, too
            code = "307"
        except _Spoilt as error:
            code = str(error)
        else:
            return
        raise self._outage.remember(
            BucketError(
                f"The files under {self.prefix + under} in the bucket {self.name} could not be listed ({code}).",
                _REMEDIES.get(code, TRY_LATER),
            )
        )

    def _pages(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        # Not botocore's paginator: it takes a body that broke off for the last page, or dies of it.
        page: Mapping[str, Any] = {}
        while page.get("IsTruncated", True):
            more = {"ContinuationToken": page["NextContinuationToken"]} if page else {}
            page = patiently(self._budget, _Spoilt)(self._page, Bucket=self.name, Prefix=prefix, **more)
            yield page

    def _page(self, **asked: str) -> Mapping[str, Any]:
        try:
            page = self._client.list_objects_v2(**asked)  # type: ignore[arg-type]
        except (NoConnection, HTTPClientError, ResponseParserError) as error:
            raise _Spoilt(type(error).__name__) from None
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            raise _Spoilt(error.response["Error"]["Code"]) from None
        if "IsTruncated" not in page:  # S3 always says it
            raise _Spoilt("an answer without its end")
        return page

    def download(
        self, objects: Iterable[RemoteObject], destination: Destination, *, workers: int = 16
    ) -> Iterator[Downloaded | Undelivered]:
        """Fetch the objects, `workers` at a time, and yield each as it is done or given up.

        Every object becomes exactly one result. What S3 answers about one object is that object's result, and says
        nothing of the next; only an error that every request would meet ends the download, and then no other is begun.
        Closing the iterator early cancels what has not begun.

        Args:
            objects: what to fetch, as listed; a newer version found on the way is taken instead.
            destination: the file for an object, asked with the version really fetched, from several threads.
                Keys are the sender's text: it must refuse (ValueError) what would lead out of its folder.
            workers: how many at a time.

        Raises:
            BucketError: S3 accepts no credentials, or not this machine's clock.
            Outage: S3 failed for too many files in a row, each for a reason that may pass.
            VocareumError: credentials cannot be had.
            OSError: the disk is full.
        """
        halt = Halt(_OUTAGE)
        pool = ThreadPoolExecutor(workers, thread_name_prefix="download")
        try:
            pending = [pool.submit(self._transfer.fetch, wanted, destination, halt) for wanted in objects]
            for future in as_completed(pending):
                yield future.result()
        finally:
            halt.stop(BucketError("The download was ended early.", "Nothing: the next run fetches the rest."))
            pool.shutdown(cancel_futures=True)
