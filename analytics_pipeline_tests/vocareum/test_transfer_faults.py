"""Bodies that arrive spoilt, from servers that misbehave: repeated, given up, never left on disk."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.errors import BucketError
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline_tests.vocareum.faulty import answer

BODY = b"user_id,cost\n" * 500
ETAG = hashlib.md5(BODY).hexdigest()
LISTED = RemoteObject("org9001/a.csv", ETAG, len(BODY), datetime(2024, 1, 9, tzinfo=UTC))
HEADERS = {"ETag": f'"{ETAG}"', "Last_Modified": "Tue, 09 Jan 2024 00:00:00 GMT"}

MakeBucket = Callable[[Callable[[BaseHTTPRequestHandler], None]], Bucket]


class Faulty:
    """Misbehaves in its own way for the first requests, then answers properly."""

    def __init__(self, fault: Callable[[BaseHTTPRequestHandler], None], times: int) -> None:
        self.fault, self.times, self.seen = fault, times, 0

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.seen += 1
        if self.seen <= self.times:
            self.fault(handler)
        else:
            answer(handler, BODY, **HEADERS)


def truncated(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, BODY[:100], announced=len(BODY), **HEADERS)


def shortened(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, BODY[:100], **HEADERS)


def corrupted(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, BODY.replace(b"cost", b"c0st"), **HEADERS)


def stalled(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BODY)))
    for name, value in HEADERS.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    time.sleep(3)


def dropped(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("fault", [truncated, shortened, corrupted, stalled, dropped])
def test_a_spoilt_body_is_fetched_again(faulty_bucket: MakeBucket, tmp_path: Path, fault):
    (outcome,) = faulty_bucket(Faulty(fault, times=1)).download([LISTED], lambda _: tmp_path / "a.csv")
    assert outcome == Downloaded(LISTED, tmp_path / "a.csv")
    assert outcome.path.read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("fault", "reason"), [(truncated, "broke"), (shortened, "bytes arrived"), (corrupted, "checksum")]
)
def test_a_body_that_stays_spoilt_is_given_up_without_a_trace(faulty_bucket: MakeBucket, tmp_path, fault, reason):
    server = Faulty(fault, times=10_000)
    (tmp_path / "a.csv").write_text("what was there before")
    (outcome,) = faulty_bucket(server).download([LISTED], lambda _: tmp_path / "a.csv")
    assert isinstance(outcome, Undelivered)
    assert outcome.transient
    assert reason in outcome.reason
    assert server.seen <= 30
    assert (tmp_path / "a.csv").read_text() == "what was there before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_an_outage_ends_the_download_instead_of_failing_file_by_file(faulty_bucket: MakeBucket, tmp_path: Path):
    server = Faulty(lambda handler: answer(handler, b"<Error><Code>Odd</Code></Error>", 409), times=10_000)
    outcomes = faulty_bucket(server).download([LISTED] * 1000, lambda _: tmp_path / "a.csv")
    with pytest.raises(BucketError, match="files in a row"):
        list(outcomes)
    assert server.seen < 200
