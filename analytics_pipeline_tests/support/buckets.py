"""A bucket of our own: S3 on loopback that records requests and refuses those that a test names."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends

from analytics_pipeline.demo.s3_server import error_answer
from analytics_pipeline.demo.wsgi import Answer, serving
from analytics_pipeline.settings import Settings

REGION = "us-east-1"
FORBIDDEN = error_answer(403, "AccessDenied", "Access Denied")
BROKEN = error_answer(501, "NotImplemented", "A header is not implemented.")


@dataclass
class Bucket:
    """A bucket and its server.

    Attributes:
        name: unique in this process, as moto keeps all buckets in one place.
        endpoint: the server's URL.
        client: for the tests themselves.
        requests: method and key of each request of others.
        refuse: returns the response to send instead, by method, key and the WSGI environment.
    """

    name: str = field(default_factory=lambda: f"ours-{uuid.uuid4().hex[:8]}")
    endpoint: str = ""
    client: Any = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuse: Callable[[str, str, WSGIEnvironment], Answer | None] = lambda *_: None
    _moto: WSGIApplication = field(default_factory=lambda: create_backend_app("s3"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request."""
        environ["RAW_URI"] = environ["REQUEST_URI"]  # moto checks the signature over it
        method, key = environ["REQUEST_METHOD"], environ["PATH_INFO"].lstrip("/").partition("/")[2]
        self.requests.append((method, key))
        if refusal := self.refuse(method, key, environ):
            environ["wsgi.input"].read()
            return refusal.send(start_response)
        return self._moto(environ, start_response)

    def answer_itself(self, environ: WSGIEnvironment) -> None:
        """Do what a request asks, and lose the response."""
        for _ in self._moto(environ, lambda *_: lambda _: None):
            pass

    def uploaded_at(self, key: str, at: datetime) -> None:
        """Change when an object was uploaded."""
        stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_bucket(self.name).keys[key]
        stored.last_modified = at.replace(tzinfo=stored.last_modified.tzinfo)

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of a store in this bucket."""
        return {
            "VOCAREUM_ORG_ID": "9001",
            "ANALYTICS_PUBLISHED_STORE": f"s3://{self.name}/published",
            "ANALYTICS_PUBLISHED_STORE_ENDPOINT_URL": self.endpoint,
            "ANALYTICS_PUBLISHED_STORE_REGION": REGION,
        }

    def settings(self, folder: Path, **changes: str) -> Settings:
        """Return the settings of a worker with this data folder."""
        return Settings(**{**self.environment, "ANALYTICS_DATA_DIR": str(folder), **changes})

    def objects(self) -> dict[str, bytes]:
        """Return every object by its key."""
        before = list(self.requests)
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", ())
        bodies = {
            entry["Key"]: self.client.get_object(Bucket=self.name, Key=entry["Key"])["Body"].read()
            for entry in found
        }
        self.requests[:] = before
        return bodies

    def versions(self, name: str = "analytics") -> list[str]:
        """Return the keys of a file's versions, the oldest first."""
        return sorted(key for key in self.objects() if f"/{name}-" in key)

    def pointer(self, name: str = "analytics") -> dict[str, Any]:
        """Return the pointer to a file."""
        return json.loads(self.objects()[f"published/org9001/{name}.json"])


def refusing(method: str, text: str, answer: Answer = FORBIDDEN) -> Callable[..., Answer | None]:
    """Refuse the requests of a method whose key contains a text."""
    return lambda asked, key, _: answer if asked == method and text in key else None


@contextmanager
def running_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Serve a new bucket; AWS_ACCESS_KEY_ID is that of a user who may do everything.

    moto checks it only if the simulated Vocareum runs in the same process.
    """
    iam, user = iam_backends[DEFAULT_ACCOUNT_ID]["aws"], f"ours-{uuid.uuid4().hex[:8]}"
    iam.create_user(REGION, user)
    key = iam.create_access_key(user_name=user)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_user_policy(
        user, "all", json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    bucket = Bucket()
    with serving(bucket, threads=16) as bucket.endpoint:
        bucket.client = boto3.client("s3", endpoint_url=bucket.endpoint, region_name=REGION)
        bucket.client.create_bucket(Bucket=bucket.name)
        bucket.requests.clear()
        yield bucket
