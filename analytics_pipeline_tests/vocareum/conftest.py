"""The simulation in a clean state, the pipeline's connection to it, and misbehaving servers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
import tenacity
from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum import api as api_module
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.objects import RemoteObject
from analytics_pipeline.vocareum.session import session
from analytics_pipeline_tests.support.clocks import Clock, Seconds

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """The API client's clock, which moves only while it waits."""
    standing = Seconds()
    monkeypatch.setattr(tenacity, "time", standing)
    monkeypatch.setattr(api_module, "monotonic", standing.monotonic)
    monkeypatch.setattr(api_module, "sleep", standing.sleep)
    return standing


@pytest.fixture
def clock(demo: DemoVocareum) -> Clock:
    """The clock that expires credentials, for the simulation and for `connection`."""
    demo.clock = clock = Clock()
    return clock


@pytest.fixture
def api(demo: DemoVocareum) -> VocareumApi:
    return VocareumApi(demo.environment["VOCAREUM_API_URL"], SecretStr(demo.token), budget=5)


@pytest.fixture
def connection(demo: DemoVocareum, api: VocareumApi) -> boto3.Session:
    return session(api, demo.org_id, demo.region, clock=lambda: demo.clock())


@pytest.fixture
def bucket(demo: DemoVocareum, connection: boto3.Session) -> Bucket:
    return Bucket(
        connection, demo.bucket, demo.prefix, demo.environment["AWS_ENDPOINT_URL_S3"], demo.region
    )


@pytest.fixture
def into(tmp_path: Path) -> Callable[[RemoteObject], Path]:
    """A destination that keeps the keys as paths in the test's folder."""
    return lambda found: tmp_path / "landing" / found.key


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], str]]:
    """Start a raw HTTP server that answers each GET and HEAD with the given function; return its
    URL.
    """
    with ExitStack() as running:

        def start(behave: Behaviour) -> str:
            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_GET(self) -> None:
                    behave(self)

                do_HEAD = do_GET

                def log_message(self, *_: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
            ).start()
            running.callback(server.server_close)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def faulty_bucket(serve: Callable[[Behaviour], str]) -> Callable[..., Bucket]:
    """A bucket on a misbehaving server.

    Without another `stall` no answer is late, however slow the machine is.
    """

    def make(behave: Behaviour, *, stall: float = 60, **limits: float) -> Bucket:
        connection = boto3.Session(
            aws_access_key_id="A", aws_secret_access_key="S", aws_session_token="T"
        )
        return Bucket(connection, "faulty", "org9001/", serve(behave), stall=stall, **limits)

    return make
