"""A monitoring service on loopback that records its pings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "/5f1c-s3cr3t"


@dataclass
class Monitor:
    """The service: the paths that were requested, and the status to answer."""

    url: str = ""
    requested: list[str] = field(default_factory=list)
    status: int = 200


@contextmanager
def monitoring_service() -> Iterator[Monitor]:
    """Serve a monitoring service."""
    found = Monitor()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requested.append(self.path)
            self.send_response(found.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    found.url = f"http://127.0.0.1:{server.server_port}{SECRET}"
    yield found
    server.shutdown()
    server.server_close()
