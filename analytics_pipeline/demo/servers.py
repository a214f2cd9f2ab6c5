"""The simulated Vocareum: API and S3 as HTTP servers on loopback, and their settings.

The pipeline learns of it only through settings. `organisation/` produces the files.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Self

from analytics_pipeline.demo.api_server import SHAPES, ApiServer, Issued
from analytics_pipeline.demo.s3_server import FakeAws, S3Server, error_answer
from analytics_pipeline.demo.wsgi import Answer, Request, serving


class DemoVocareum:
    """A running simulation; use it in a with statement.

    Args:
        org_id: the organisation's id.
        token: the only token that the API accepts for s3_labs.
        lifetime: lifetime of credentials. May be changed while it runs.
        bucket: the bucket's name; by default unique, so that instances share nothing.
        region: the AWS region.
        shape: shape of the API's response, one of `api_server.SHAPES`.
        content_type: content type of the API's responses.

    Attributes:
        api: the API's server. Its shape and content type may be changed while it runs.
        requests: the requests to both servers, in order.
    """

    def __init__(
        self,
        org_id: str = "9001",
        token: str = "demo-token",  # noqa: S107  # it opens the simulation only
        lifetime: timedelta = timedelta(hours=1),
        *,
        bucket: str | None = None,
        region: str = "us-west-2",
        shape: str = "env",
        content_type: str = "application/json",
    ) -> None:
        if shape not in SHAPES:
            raise ValueError(f"unknown shape {shape!r}, known are {', '.join(SHAPES)}")
        self.org_id = org_id
        self.token = token
        self.lifetime = lifetime
        self.region = region
        self.prefix = f"org{org_id}/"
        self.bucket = bucket or f"demo-lab-analytics-{uuid.uuid4().hex[:8]}"
        self.requests: list[Request] = []
        self._aws = FakeAws(self.bucket, self.prefix, region)
        self._s3 = S3Server(self._aws, self.requests)
        self.api = ApiServer(org_id, token, self._issue, self.requests, shape, content_type)
        self._running = ExitStack()
        self._api_url = self._s3_url = ""

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._aws.open()
            starting.callback(self._aws.close)
            self._s3_url = starting.enter_context(serving(self._s3, threads=16))
            self._api_url = starting.enter_context(serving(self.api, threads=4))
            self._running = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings that make the pipeline use this simulation."""
        return {
            "VOCAREUM_ORG_ID": self.org_id,
            "VOCAREUM_API_TOKEN": self.token,
            "VOCAREUM_API_URL": f"{self._api_url}/api/v2",
            "VOCAREUM_BUCKET": self.bucket,
            "AWS_ENDPOINT_URL_S3": self._s3_url,
            "AWS_REGION": self.region,
        }

    @property
    def clock(self) -> Callable[[], datetime]:
        """Return the simulation's clock (UTC), which expires credentials.

        May be replaced while it runs.
        """
        return self._aws.clock

    @clock.setter
    def clock(self, clock: Callable[[], datetime]) -> None:
        self._aws.clock = clock

    def put(
        self, key: str, body: bytes, last_modified: datetime | None = None, *, kms: bool = False
    ) -> None:
        """Store an object under its full key, replacing any; `kms` mimics KMS encryption."""
        self._aws.put(key, body, last_modified, kms=kms)

    def put_many(self, bodies: Mapping[str, bytes], last_modified: datetime | None = None) -> None:
        """Store many objects, by key."""
        for key, body in bodies.items():
            self.put(key, body, last_modified)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._aws.delete(key)

    def clear(self) -> None:
        """Delete all objects, recorded requests and ordered failures."""
        self._aws.clear()
        self.clear_requests()
        self.api.failures.clear()
        self._s3.failures.clear()
        self._s3.refused.clear()

    def clear_requests(self) -> None:
        """Forget the recorded requests."""
        self.requests.clear()

    def count(self, operation: str) -> int:
        """Return the number of requests of an operation (API, LIST, GET, HEAD), failed ones too."""
        return sum(request.operation == operation for request in self.requests)

    def expire_credentials(self) -> None:
        """Expire all credentials issued so far."""
        self._aws.expire_all()

    def fail_next(
        self,
        count: int = 1,
        status: int = 503,
        *,
        service: Literal["api", "s3"] = "api",
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        content_type: str = "text/html",
    ) -> None:
        """Answer the next `count` requests to one of the servers with this response instead."""
        failures = self.api.failures if service == "api" else self._s3.failures
        failures.extend([Answer(status, body, content_type, headers)] * count)

    def refuse(self, key: str, status: int, code: str) -> None:
        """Answer each request for an object with an error, as S3 does for an archived one."""
        self._s3.refused[key] = error_answer(status, code, "Refused.")

    def accept(self, key: str) -> None:
        """Answer requests for this object again."""
        del self._s3.refused[key]

    def _issue(self) -> Issued:
        return self._aws.issue(self.lifetime)
