"""The simulated Vocareum API: returns S3 credentials for the right token.

It fails in the ways that authors of public API clients reported, and responds in any shape that the
vendor's article leaves open (docs/feed.md).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

from analytics_pipeline.demo.wsgi import Answer, Failures, Request


@dataclass(frozen=True)
class Issued:
    """Credentials issued by the simulated AWS."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: datetime


def _named(issued: Issued, *names: str) -> dict[str, str]:
    """Return the credentials under these JSON keys; a fourth key holds the expiry as ISO text."""
    expires = issued.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    parts = (issued.access_key_id, issued.secret_access_key, issued.session_token, expires)
    return dict(zip(names, parts, strict=False))


SHAPES: dict[str, Callable[[Issued], object]] = {
    "env": lambda it: _named(
        it, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "expiration"
    ),
    "env, no expiry": lambda it: _named(
        it, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
    ),
    "sts": lambda it: {
        "Credentials": _named(it, "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"),
        "AssumedRoleUser": {"AssumedRoleId": "AROAEXAMPLE:org"},
    },
    "camelCase": lambda it: {
        "status": "success",
        "s3_labs": [_named(it, "accessKeyId", "secretAccessKey", "sessionToken", "expiration")],
    },
    "snake_case": lambda it: {
        "status": "success",
        "data": {
            **_named(it, "access_key_id", "secret_access_key", "session_token"),
            "expires_at": it.expires_at.timestamp(),
        },
    },
}
"""Every shape of the response that the pipeline must understand; the vendor publishes no
example."""


@dataclass
class ApiServer:
    """The API as a WSGI application.

    Attributes:
        org_id: the organisation that it knows.
        token: the token that it accepts.
        issue: creates credentials.
        log: records the requests.
        shape: one of SHAPES.
        content_type: of its responses; clients have seen text/html.
        failures: responses to send first.
    """

    org_id: str
    token: str
    issue: Callable[[], Issued]
    log: list[Request]
    shape: str = "env"
    content_type: str = "application/json"
    failures: Failures = field(default_factory=Failures)

    @property
    def token_without_scope(self) -> str:
        """Return a valid token that lacks the scope s3_labs."""
        return f"{self.token}-other-scope"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request."""
        path = environ["PATH_INFO"]
        answer = (
            self.failures.popleft()
            if self.failures
            else self._answer(path, environ.get("HTTP_AUTHORIZATION", ""))
        )
        self.log.append(Request("API", path, answer.status))
        return answer.send(start_response)

    def _answer(self, path: str, authorization: str) -> Answer:
        scheme, _, token = authorization.partition(" ")
        if scheme != "Token" or not token:
            return self._error(HTTPStatus.BAD_REQUEST, "Missing Token")
        if token == self.token_without_scope:
            return self._error(HTTPStatus.FORBIDDEN, "Access Forbidden (permission denied)")
        if token != self.token:
            return self._error(HTTPStatus.BAD_REQUEST, "Invalid Token")
        if path != f"/api/v2/orgs/{self.org_id}/s3_labs":
            return self._error(HTTPStatus.NOT_FOUND, "Not Found")
        return Answer(
            HTTPStatus.OK, json.dumps(SHAPES[self.shape](self.issue())).encode(), self.content_type
        )

    def _error(self, status: HTTPStatus, message: str) -> Answer:
        return Answer(
            status, json.dumps({"status": "error", "message": message}).encode(), self.content_type
        )
