"""A bad network on loopback: an HTTP proxy that forwards requests unchanged, and corrupts a share
of the responses.

Each kind of fault is a function in FAULTS. The tests assert what the pipeline makes of them.
"""

import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
INTERNAL = (
    b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
)
PIECES, PAUSE = 5, 0.1
"""A trickle: number of pieces of a body, and seconds between them."""


@dataclass(frozen=True)
class Answer:
    """The upstream server's response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    announced: int

    @property
    def half(self) -> bytes:
        return self.body[: len(self.body) // 2]


class Exchange(BaseHTTPRequestHandler):
    """One client's connection, which stays open until a fault ends it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        proxy = self.server.proxy
        answer = proxy.ask(self)
        try:
            FAULTS.get(proxy.draw(), sound)(self, answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client timed out

    do_HEAD = do_GET

    def begin(self, answer: Answer, announced: int | None = None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header(
            "Content-Length", str(answer.announced if announced is None else announced)
        )
        self.end_headers()

    def fail(self, status: int, body: bytes) -> None:
        self.begin(Answer(status, (("Content-Type", "application/xml"),), body, len(body)))
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        """Reset the connection with a RST, like a router that forgot it; a plain close would send a
        FIN first.
        """
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.hang_up()

    def stall(self) -> None:
        self.server.proxy.closing.wait(self.server.proxy.hold)
        self.hang_up()

    def log_message(self, *_: object) -> None:
        pass


def sound(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer)
    exchange.wfile.write(answer.body)


def slow_down(exchange: Exchange, answer: Answer) -> None:
    exchange.fail(503, SLOW_DOWN)


def internal_error(exchange: Exchange, answer: Answer) -> None:
    exchange.fail(500, INTERNAL)


def reset_before(exchange: Exchange, answer: Answer) -> None:
    exchange.reset()


def reset_within(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer)
    exchange.wfile.write(answer.half)
    time.sleep(PAUSE)  # a RST would overtake the previous bytes
    exchange.reset()


def truncated(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer)
    exchange.wfile.write(answer.half)
    exchange.hang_up()


def announced_too_long(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer, announced=answer.announced + 10)
    exchange.wfile.write(answer.body)
    exchange.hang_up()


def announced_too_short(exchange: Exchange, answer: Answer) -> None:
    """Leave the rest of the body in the connection, where the next response is expected."""
    exchange.begin(answer, announced=len(answer.half))
    exchange.wfile.write(answer.body)
    exchange.hang_up()


def announced_empty(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer, announced=0)
    exchange.hang_up()


def stall_before(exchange: Exchange, answer: Answer) -> None:
    exchange.stall()


def stall_within(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer)
    exchange.wfile.write(answer.half)
    exchange.stall()


def trickle(exchange: Exchange, answer: Answer) -> None:
    exchange.begin(answer)
    step = len(answer.body) // PIECES + 1
    for start in range(0, len(answer.body), step):
        exchange.wfile.write(answer.body[start : start + step])
        time.sleep(PAUSE)


Fault = Callable[[Exchange, Answer], None]
FAULTS: dict[str, Fault] = {
    "503 SlowDown": slow_down,
    "500 InternalError": internal_error,
    "reset before the answer": reset_before,
    "reset within the body": reset_within,
    "truncated body": truncated,
    "Content-Length too long": announced_too_long,
    "Content-Length too short": announced_too_short,
    "Content-Length 0": announced_empty,
    "stall before the answer": stall_before,
    "stall within the body": stall_within,
    "slow trickle": trickle,
}


class FaultProxy:
    """A proxy before a server; use it in a with statement.

    The Host header is forwarded as sent, so that signatures made for the proxy's address stay
    valid.

    Args:
        upstream: URL of the server behind it.
        shares: the faults, with the share of responses that each one corrupts.
        seed: seed of the random choices.
        hold: seconds that a stall lasts; longer than the client's timeout.

    Attributes:
        url: its own address.
        shares: as given; may be changed while it runs.
        requests: number of requests.
        injected: number of faults of each kind.
    """

    def __init__(
        self, upstream: str, shares: Mapping[str, float], seed: int = 0, hold: float = 5.0
    ) -> None:
        self._upstream = urlsplit(upstream).netloc
        self.shares = dict(shares)
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self.hold = hold
        self.closing = threading.Event()
        self.requests = 0
        self.injected: Counter[str] = Counter()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def draw(self) -> str:
        """Return the fault for the next response, or none."""
        with self._lock:
            self.requests += 1
            point = self._dice.random()
            for fault, share in self.shares.items():
                if (point := point - share) < 0:
                    self.injected[fault] += 1
                    return fault
        return ""

    def ask(self, exchange: Exchange) -> Answer:
        """Return the upstream server's response to this request."""
        connection = HTTPConnection(self._upstream, timeout=60)
        try:
            connection.putrequest(
                exchange.command, exchange.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in exchange.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.putheader("Connection", "close")
            connection.endheaders()
            got = connection.getresponse()
            body = got.read()
            left_out = {"content-length", "connection", "transfer-encoding", "keep-alive"}
            headers = tuple(
                (name, value) for name, value in got.getheaders() if name.lower() not in left_out
            )
            return Answer(
                got.status, headers, body, int(got.headers.get("Content-Length", len(body)))
            )
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), Exchange)

    def handle_error(self, *_: object) -> None:
        """Ignore a client that has disconnected."""
