"""A real HTTP server on loopback for a WSGI application, and its response values.

The simulated services are in api_server.py and s3_server.py.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication

from cheroot.wsgi import Server


@dataclass(frozen=True)
class Request:
    """One request that got a response.

    Attributes:
        operation: API, LIST, GET, HEAD, or another HTTP method.
        key: the object's key; the prefix of a LIST; the path of an API call.
        status: HTTP status of the response.
        access_key_id: the signer; empty for an API call.
    """

    operation: str
    key: str
    status: int
    access_key_id: str = ""


@dataclass(frozen=True)
class Answer:
    """An HTTP response, ready to send."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Send this response to a WSGI request."""
        headers = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            *self.headers,
        ]
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", headers)
        return [self.body]


Failures = deque[Answer]
"""Responses to send instead of the regular ones, first in first out."""


@contextmanager
def serving(application: WSGIApplication, threads: int = 8) -> Iterator[str]:
    """Serve the application on a free port of 127.0.0.1 inside the block; yield the URL."""
    server = Server(
        ("127.0.0.1", 0),
        application,
        numthreads=threads,
        shutdown_timeout=1,
        request_queue_size=128,
    )
    server.prepare()
    thread = threading.Thread(target=server.serve, name="demo-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join(timeout=5)
