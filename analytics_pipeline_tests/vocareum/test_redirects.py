"""An S3 that redirects its clients: credentials never follow, and the redirect is reported."""

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import obstore
import pytest

from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.errors import BucketError
from analytics_pipeline.vocareum.objects import RemoteObject, Undelivered

Behaviour = Callable[[BaseHTTPRequestHandler], None]
WANTED = RemoteObject(
    "org9001/grades/course1/grades.csv", "e1", 2, datetime(2026, 1, 10, tzinfo=UTC)
)


@pytest.fixture
def elsewhere(serve: Callable[[Behaviour], str]) -> tuple[str, list[str]]:
    """A server under another name than the bucket's, and the requests it received."""
    asked: list[str] = []

    def listen(request: BaseHTTPRequestHandler) -> None:
        asked.append(f"{request.path} {dict(request.headers)}")
        request.send_response(200)
        for name, value in (
            ("Content-Length", "2"),
            ("ETag", '"e1"'),
            ("Last-Modified", "Sat, 10 Jan 2026 00:00:00 GMT"),
        ):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(b"hi")

    return serve(listen).replace("127.0.0.1", "localhost"), asked


def sends_to(address: str, status: int) -> Behaviour:
    def redirect(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Location", address + request.path)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return redirect


def test_a_body_is_not_requested_from_another_server(
    faulty_bucket: Callable[..., Bucket], elsewhere: tuple[str, list[str]], tmp_path: Path
):
    address, asked = elsewhere
    (outcome,) = faulty_bucket(sends_to(address, 307), budget=0).download(
        [WANTED], lambda _: tmp_path / "got"
    )
    assert isinstance(outcome, Undelivered), outcome
    assert asked == [], "the session token would have gone along"


def test_a_redirect_within_the_same_server_is_followed(
    faulty_bucket: Callable[..., Bucket],
    serve: Callable[[Behaviour], str],
    elsewhere: tuple[str, list[str]],
    tmp_path: Path,
):
    address, asked = elsewhere
    same_host = address.replace("localhost", "127.0.0.1")
    (outcome,) = faulty_bucket(sends_to(same_host, 307)).download(
        [WANTED], lambda _: tmp_path / "got"
    )
    assert not isinstance(outcome, Undelivered), outcome.reason
    assert len(asked) == 1, "the trap would catch what goes elsewhere, too"


@pytest.fixture
def nothing_collected() -> Iterator[None]:
    """botocore recurses to Python's limit here. Leftovers of other tests, collected there, could
    not be attributed and would fail this one."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("nothing_collected")
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_listing_is_not_requested_from_another_server_and_ends_with_a_remedy(
    faulty_bucket: Callable[..., Bucket], elsewhere: tuple[str, list[str]], status: int
):
    address, asked = elsewhere
    with pytest.raises(BucketError, match=r"could not be listed.*AWS_ENDPOINT_URL_S3"):
        list(faulty_bucket(sends_to(address, status)).list())
    assert asked == []


def test_obstore_requests_amazons_own_host(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    session = boto3.Session(aws_access_key_id="A", aws_secret_access_key="S", aws_session_token="T")
    transfer = Bucket(session, "labs", "org9001/", region="us-west-2")._transfer
    store, _ = transfer._store()
    asked = urlsplit(obstore.sign(store, "GET", "key", timedelta(minutes=1)))  # makes no request
    assert (asked.scheme, transfer._options["client_options"]["proxy_excludes"]) == (
        "https",
        asked.hostname,
    )
