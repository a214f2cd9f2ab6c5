"""A recipient of alerts: an HTTP server on loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "/services/T000/B000/s3cr3t"


@dataclass
class Webhook:
    """The posted messages, and the responses to give."""

    url: str = ""
    texts: list[str] = field(default_factory=list)
    status: int = 200


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status == 200 and self.path == SECRET:
                message = json.loads(body)
                hook.texts.append(message.get("text") or message["message"])
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    hook.url = f"http://127.0.0.1:{server.server_port}{SECRET}"
    yield hook
    server.shutdown()
    server.server_close()
