"""Downloading from the simulation: complete, private, and in the current version."""

import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.bucket import Bucket
from analytics_pipeline.vocareum.objects import Downloaded, RemoteObject, Undelivered

Destination = Callable[[RemoteObject], Path]


def test_slow_down_is_retried_while_listing_and_while_downloading(
    demo: DemoVocareum, bucket: Bucket, into
):
    demo.put("org9001/a.csv", b"x")
    demo.fail_next(2, 503, service="s3")
    listed = list(bucket.list())
    demo.fail_next(2, 503, service="s3")
    assert [type(outcome) for outcome in bucket.download(listed, into)] == [Downloaded]
    assert [request.status for request in demo.requests if request.operation == "GET"] == [
        503,
        503,
        200,
    ]


def test_every_object_arrives_complete_and_is_requested_once(
    demo: DemoVocareum, bucket: Bucket, into: Destination
):
    bodies = {f"org9001/lab_sessions/{n}.csv": os.urandom(n * 700) for n in range(200)}
    bodies["org9001/big.csv"] = os.urandom(5_000_000)
    demo.put_many(bodies)
    outcomes = list(bucket.download(bucket.list(), into))
    assert {outcome.object.key: outcome.path.read_bytes() for outcome in outcomes} == bodies
    assert demo.count("GET") == len(bodies)
    assert demo.count("API") == 1


def test_files_and_folders_are_private_whatever_the_umask(
    demo: DemoVocareum, bucket: Bucket, into, tmp_path: Path
):
    demo.put("org9001/grades/course1/grades.csv", b"x")
    before = os.umask(0)
    try:
        (outcome,) = bucket.download(bucket.list(), into)
    finally:
        os.umask(before)
    assert stat.S_IMODE(outcome.path.stat().st_mode) == 0o600
    for folder in ("landing", "landing/org9001", "landing/org9001/grades/course1"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700, folder
    assert [path.name for path in outcome.path.parent.iterdir()] == ["grades.csv"]


def test_an_object_rewritten_since_the_listing_is_fetched_as_it_is_now(
    demo: DemoVocareum, bucket: Bucket, tmp_path
):
    demo.put("org9001/a.csv", b"old")
    (listed,) = bucket.list()
    demo.put("org9001/a.csv", b"brand new", datetime(2024, 1, 9, tzinfo=UTC))
    (outcome,) = bucket.download([listed], lambda found: tmp_path / found.etag)
    (now,) = bucket.list()
    assert outcome == Downloaded(now, tmp_path / now.etag)
    assert outcome.path.read_bytes() == b"brand new"
    assert now.etag != listed.etag


def test_an_object_deleted_since_the_listing_does_not_stop_the_others(
    demo: DemoVocareum, bucket: Bucket, into
):
    demo.put_many({"org9001/a.csv": b"a", "org9001/b.csv": b"b"})
    listed = list(bucket.list())
    demo.delete("org9001/a.csv")
    lost, got = sorted(bucket.download(listed, into), key=lambda outcome: outcome.object.key)
    assert isinstance(lost, Undelivered)
    assert "no longer exists" in lost.reason
    assert isinstance(got, Downloaded)


@pytest.mark.parametrize(
    "name", ["a b+c.csv", "100%25.csv", "é中.csv", "what?.csv", "a#b.csv", "x&y=z.csv", "~a.csv"]
)
def test_any_character_may_be_in_a_key(
    demo: DemoVocareum, bucket: Bucket, tmp_path: Path, name: str
):
    demo.put(demo.prefix + name, name.encode())
    (outcome,) = bucket.download(bucket.list(), lambda _: tmp_path / "landed")
    assert outcome.object.key == demo.prefix + name
    assert outcome.path.read_text() == name


@pytest.mark.parametrize(
    "name", ["../../up.csv", "/etc/passwd", "./dot.csv", "a\x01b.csv", "C:\\x.csv"]
)
def test_a_hostile_key_lands_in_the_destination_or_nowhere(
    demo: DemoVocareum, bucket: Bucket, tmp_path, name: str
):
    demo.put(demo.prefix + name, b"x")
    demo.put(demo.prefix + "good.csv", b"x")

    def flat(found: RemoteObject) -> Path:
        return tmp_path / "landing" / f"{'good' if found.key.endswith('good.csv') else 'odd'}.csv"

    outcomes = {outcome.object.key: outcome for outcome in bucket.download(bucket.list(), flat)}
    assert isinstance(outcomes[demo.prefix + "good.csv"], Downloaded)
    written = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert written <= {"landing/good.csv", "landing/odd.csv"}


def test_a_destination_can_refuse_an_object(demo: DemoVocareum, bucket: Bucket, tmp_path: Path):
    demo.put_many({"org9001/a.csv": b"a", "org9001/b.csv": b"b"})

    def careful(found: RemoteObject) -> Path:
        if found.key.endswith("a.csv"):
            raise ValueError("it leads out of the folder")
        return tmp_path / "b"

    refused, got = sorted(
        bucket.download(bucket.list(), careful), key=lambda outcome: outcome.object.key
    )
    assert isinstance(refused, Undelivered)
    assert "leads out of the folder" in refused.reason
    assert isinstance(got, Downloaded)


def test_a_destination_that_cannot_be_written_says_so(
    demo: DemoVocareum, bucket: Bucket, tmp_path: Path
):
    demo.put("org9001/a.csv", b"a")
    (tmp_path / "file").touch()
    (outcome,) = bucket.download(bucket.list(), lambda _: tmp_path / "file" / "a.csv")
    assert isinstance(outcome, Undelivered)
    assert "cannot be written" in outcome.reason
    assert not outcome.counts, "this machine is at fault, and not the version of the object"


def test_closing_the_iterator_cancels_the_rest(
    demo: DemoVocareum, bucket: Bucket, into: Destination
):
    demo.put_many({f"org9001/{n}.csv": b"x" for n in range(300)})
    outcomes = bucket.download(bucket.list(), into, workers=2)
    next(outcomes)
    outcomes.close()
    assert demo.count("GET") < 300
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("download")]


def test_etags_that_are_not_checksums_are_not_verified(
    demo: DemoVocareum, bucket: Bucket, into: Destination
):
    for n in range(20):
        demo.put(f"org9001/{n}.csv", b"x" * n, kms=True)
    outcomes = list(bucket.download(bucket.list(), into, workers=1))
    assert all(isinstance(outcome, Downloaded) for outcome in outcomes)
    assert demo.count("HEAD") == 1, "asked once: the bucket is encrypted with KMS keys"
