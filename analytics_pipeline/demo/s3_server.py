"""The simulated S3: moto, with the checks of signatures, policies and tokens that it lacks.

moto never expires credentials and has no s3:prefix condition. The guard adds both, with S3's own
error texts.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends

from analytics_pipeline.demo.api_server import Issued
from analytics_pipeline.demo.wsgi import Answer, Failures, Request


class FakeAws:
    """One bucket in moto's memory, and a role that may list and read one prefix of it.

    Args:
        bucket: the bucket's name, unique in this process.
        prefix: the prefix that the role may access.
        region: the bucket's region.
    """

    def __init__(self, bucket: str, prefix: str, region: str) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._region = region
        self._role = f"demo-{uuid.uuid4().hex[:12]}"
        self._s3 = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._sts = sts_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._expiry: dict[str, datetime] = {}
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._auth_before = settings.INITIAL_NO_AUTH_ACTION_COUNT

    def open(self) -> None:
        """Create the bucket and the role, and make moto check every request from now on."""
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        self._s3.create_bucket(self.bucket, self._region)
        arn = f"arn:aws:s3:::{self.bucket}"
        statements = [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/{self.prefix}*"},
        ]
        self._iam.create_role(self._role, json.dumps(_policy([])), "/", None, "", [], None)
        self._iam.put_role_policy(self._role, "read", json.dumps(_policy(statements)))

    def close(self) -> None:
        """Remove everything that open() created, so that instances do not affect each other."""
        self._sts.assumed_roles[:] = [
            it for it in self._sts.assumed_roles if it.access_key_id not in self._expiry
        ]
        self._iam.delete_role_policy(self._role, "read")
        self._iam.delete_role(self._role)
        self.clear()
        self._s3.delete_bucket(self.bucket)
        settings.INITIAL_NO_AUTH_ACTION_COUNT = self._auth_before

    def issue(self, lifetime: timedelta) -> Issued:
        """Return credentials for the role that expire after `lifetime`."""
        role_arn = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{self._role}"
        role = self._sts.assume_role(self._region, "vocareum", role_arn, "", 3600, "")
        expires_at = self.clock() + lifetime
        self._expiry[role.access_key_id] = expires_at
        return Issued(role.access_key_id, role.secret_access_key, role.session_token, expires_at)

    def expire_all(self) -> None:
        """Expire all credentials issued so far."""
        self._expiry.update(dict.fromkeys(self._expiry, self.clock()))

    def is_expired(self, access_key_id: str) -> bool:
        """Return whether these credentials were issued here and have expired."""
        return self._expiry.get(access_key_id, datetime.max.replace(tzinfo=UTC)) <= self.clock()

    def put(self, key: str, body: bytes, last_modified: datetime | None, *, kms: bool) -> None:
        """Store an object in moto's memory, which is far faster than over HTTP."""
        # With SSE-KMS an ETag looks like an MD5 but is not one (S3 API reference, "Object").
        extra: dict[str, Any] = {"etag": uuid.uuid4().hex, "encryption": "aws:kms"} if kms else {}
        stored = self._s3.put_object(self.bucket, key, body, disable_notification=True, **extra)
        if last_modified is not None:
            stored.last_modified = last_modified.astimezone(UTC).replace(
                tzinfo=stored.last_modified.tzinfo
            )

    def delete(self, key: str) -> None:
        """Delete one object."""
        self._s3.delete_object(self.bucket, key)

    def clear(self) -> None:
        """Delete all objects."""
        self._s3.get_bucket(self.bucket).keys.clear()


def _policy(statements: list[dict[str, str]]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": statements}


@dataclass
class S3Server:
    """moto's S3 as a WSGI application, behind a guard.

    Attributes:
        aws: holds the bucket.
        log: records the requests.
        failures: responses to send first.
        refused: the response to every request for an object, by key.
    """

    aws: FakeAws
    log: list[Request]
    failures: Failures = field(default_factory=Failures)
    refused: dict[str, Answer] = field(default_factory=dict)
    _moto: WSGIApplication = field(default_factory=lambda: create_backend_app("s3"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request."""
        # moto checks the signature over the path as sent, which it expects under this name.
        environ["RAW_URI"] = environ["REQUEST_URI"]
        operation, key = self._what(environ)
        match = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        signer = match[1] if match else ""
        if refusal := self._refusal(operation, key, signer, environ):
            self.log.append(Request(operation, key, refusal.status, signer))
            return refusal.send(start_response)
        return self._moto(environ, self._recording(operation, key, signer, start_response))

    def _what(self, environ: WSGIEnvironment) -> tuple[str, str]:
        _, _, key = (
            environ["PATH_INFO"]
            .encode("latin-1")
            .decode(errors="replace")
            .lstrip("/")
            .partition("/")
        )
        if environ["REQUEST_METHOD"] == "GET" and not key:
            return "LIST", parse_qs(environ["QUERY_STRING"]).get("prefix", [""])[0]
        return environ["REQUEST_METHOD"], key

    def _refusal(
        self, operation: str, key: str, signer: str, environ: WSGIEnvironment
    ) -> Answer | None:
        if self.failures:
            return self.failures.popleft()
        if self.aws.is_expired(signer):
            # S3 repeats the session token here; the pipeline must not show it.
            token = f"<Token-0>{environ.get('HTTP_X_AMZ_SECURITY_TOKEN', '')}</Token-0>"
            return error_answer(400, "ExpiredToken", "The provided token has expired.", token)
        if operation == "LIST" and not key.startswith(self.aws.prefix):
            return error_answer(403, "AccessDenied", "Access Denied")
        return None if operation == "LIST" else self.refused.get(key)

    def _recording(
        self, operation: str, key: str, signer: str, start_response: StartResponse
    ) -> StartResponse:
        def start(
            status: str, headers: list[tuple[str, str]], *args: Any
        ) -> Callable[[bytes], object]:
            self.log.append(Request(operation, key, int(status.split()[0]), signer))
            return start_response(status, headers, *args)

        return start


def error_answer(status: int, code: str, message: str, more: str = "") -> Answer:
    """Return an error response as S3 words it; `more` is additional XML."""
    text = (
        '<?xml version="1.0"'
        f' encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>'
    )
    return Answer(status, text.encode(), "application/xml")
