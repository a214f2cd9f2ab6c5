"""Corrupted bodies from misbehaving servers: retried, given up, never left on disk."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.errors import Outage
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered
from analytics_pipeline_tests.support.faulty_responses import answer

BODY = b"user_id,cost\n" * 500
ETAG = hashlib.md5(BODY).hexdigest()
LISTED = RemoteObject("org9001/a.csv", ETAG, len(BODY), datetime(2024, 1, 9, tzinfo=UTC))
HEADERS = {"ETag": f'"{ETAG}"', "Last_Modified": "Tue, 09 Jan 2024 00:00:00 GMT"}

MakeBucket = Callable[[Callable[[BaseHTTPRequestHandler], None]], Bucket]


class Faulty:
    """Misbehaves for the first requests, then responds properly."""

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
    handler.rfile.read(1)  # until the client gives up


def dropped(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("fault", [truncated, shortened, corrupted, stalled, dropped])
def test_a_corrupted_body_is_fetched_again(faulty_bucket: MakeBucket, tmp_path: Path, fault):
    (outcome,) = faulty_bucket(Faulty(fault, times=1), stall=1).download(
        [LISTED], lambda _: tmp_path / "a.csv"
    )
    assert outcome == Downloaded(LISTED, tmp_path / "a.csv")
    assert outcome.path.read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("fault", "reason"), [(truncated, "broke"), (shortened, "received"), (corrupted, "checksum")]
)
def test_a_body_that_stays_corrupted_is_given_up_and_leaves_no_file(
    faulty_bucket: MakeBucket, tmp_path, fault, reason
):
    server = Faulty(fault, times=10_000)
    (tmp_path / "a.csv").write_text("what was there before")
    (outcome,) = faulty_bucket(server).download([LISTED], lambda _: tmp_path / "a.csv")
    assert isinstance(outcome, Undelivered)
    assert outcome.transient
    assert reason in outcome.reason
    assert server.seen <= 30
    assert (tmp_path / "a.csv").read_text() == "what was there before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def error(code: str) -> bytes:
    return (
        f"<Error><Code>{code}</Code><Message>m</Message><Token-0>S3CRET</Token-0></Error>".encode()
        if code
        else b""
    )


def test_an_outage_ends_the_download_instead_of_failing_file_by_file(
    faulty_bucket: MakeBucket, tmp_path: Path
):
    asked: set[str] = set()

    def down(handler: BaseHTTPRequestHandler) -> None:
        asked.add(handler.path)
        answer(handler, error("InternalError"), 500)

    many = [replace(LISTED, key=f"org9001/{n}.csv") for n in range(1_000)]
    with pytest.raises(Outage, match=r"17 files in a row.*Try again later"):
        list(
            faulty_bucket(down, stall=1, budget=0.2).download(
                many, lambda _: tmp_path / "a.csv", workers=4
            )
        )
    assert 17 <= len(asked) <= 17 + 3, "the seventeenth ends it; three others were under way"


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (400, "KMS.DisabledException", "enable the key"),
        (400, "KMS.NotFoundException", "enable the key"),
        (400, "KMS.KMSInvalidStateException", "enable the key"),
        (403, "InvalidObjectState", "archived"),
        (403, "AccessDenied", "VOCAREUM_ORG_ID"),
        (403, "", "VOCAREUM_ORG_ID"),
        (403, "SignatureDoesNotMatch", "proxy"),
        (404, "NoSuchBucket", "VOCAREUM_BUCKET"),
        (400, "", "Ask Vocareum"),
        (400, "Odd.Code-1", "Ask Vocareum"),
        (405, "MethodNotAllowed", "Ask Vocareum"),
        (409, "OperationAborted", "Ask Vocareum"),
        (410, "", "Ask Vocareum"),
        (451, "UnavailableForLegalReasons", "Ask Vocareum"),
    ],
)
def test_an_object_that_s3_refuses_fails_alone_and_is_requested_once(
    faulty_bucket: MakeBucket, tmp_path: Path, status: int, code: str, remedy: str
):
    asked: Counter[str] = Counter()

    def refuse_most(handler: BaseHTTPRequestHandler) -> None:
        asked[handler.path] += 1
        if handler.path.endswith("good.csv"):
            answer(handler, BODY, **HEADERS)
        else:
            answer(handler, error(code), status)

    refused = [replace(LISTED, key=f"org9001/{n}-status code: 503.csv") for n in range(40)]
    good = replace(LISTED, key="org9001/good.csv")
    outcomes = list(
        faulty_bucket(refuse_most).download(
            [*refused, good], lambda _: tmp_path / "a.csv", workers=1
        )
    )
    assert Downloaded(good, tmp_path / "a.csv") in outcomes, (
        "what comes after refused files is not fetched"
    )
    lost = [outcome for outcome in outcomes if isinstance(outcome, Undelivered)]
    assert {failure.object.key for failure in lost} == {item.key for item in refused}
    for failure in lost:
        assert (code or f"status {status}") in failure.reason
        assert remedy in failure.remedy
        assert not failure.transient and failure.counts
        assert "S3CRET" not in repr(failure)
    assert set(asked.values()) == {1}, "a refusal is not worth another request"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalError"),
        (503, "SlowDown"),
        (503, ""),
        (429, ""),
        (400, "RequestTimeout"),
        (400, "ThrottlingException"),
        (400, "KMS.ThrottlingException"),
    ],
)
def test_a_server_error_or_throttling_is_transient(
    faulty_bucket: MakeBucket, tmp_path: Path, status: int, code: str
):
    server = Faulty(lambda handler: answer(handler, error(code), status), times=1)
    (outcome,) = faulty_bucket(server).download([LISTED], lambda _: tmp_path / "a.csv")
    assert isinstance(outcome, Downloaded), outcome
    assert server.seen == 2
