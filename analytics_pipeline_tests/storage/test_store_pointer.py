"""The pointer of a store never goes back, whoever else writes and whatever the server answers."""

import json
import re
from pathlib import Path
from wsgiref.types import WSGIEnvironment

import pytest

from analytics_pipeline.demo.s3_server import error_answer
from analytics_pipeline.demo.wsgi import Answer
from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline.storage.store import Fetched, StoreFailed, Superseded
from analytics_pipeline_tests.support.buckets import BROKEN, Bucket
from analytics_pipeline_tests.support.store_files import DAY, LATER, NOON, local_file, put_file


def test_a_pointer_never_goes_back_in_time(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    seen = store.current("analytics.duckdb")
    newer, older = local_file(tmp_path / "a", b"newer"), local_file(tmp_path / "b", b"older")
    store.put(newer, LATER, seen)
    with pytest.raises(Superseded, match=r"names a version of 2026-11-28 13:00:00 UTC already"):
        store.put(older, NOON, seen)
    with pytest.raises(Superseded, match="it was not uploaded"):
        store.put(older, NOON, Fetched(problem=StoreFailed("it could not be read at first")))
    assert bucket.objects()[bucket.pointer()["key"]] == b"newer"
    store.put(newer, LATER, seen)  # the same again
    store.put(local_file(tmp_path / "c", b"newest"), LATER + DAY, seen)
    assert bucket.objects()[bucket.pointer()["key"]] == b"newest"


def test_two_writers_between_look_and_write_conflict_and_the_later_version_stays(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """The other one moves the pointer after it was compared, just before it is written."""
    newer, older = local_file(tmp_path / "a", b"newer"), local_file(tmp_path / "b", b"older")
    other = ObjectStore(store.bucket, store.prefix, store.endpoint_url, store.region)
    done: list[None] = []

    def overtake(method: str, key: str, _: object) -> None:
        if method == "PUT" and key.endswith("analytics.json") and not done:
            done.append(None)
            put_file(other, newer, LATER)

    bucket.refuse = overtake
    with pytest.raises(Superseded):
        put_file(store, older, NOON)
    assert done
    assert bucket.objects()[bucket.pointer()["key"]] == b"newer"


def test_a_pointer_whose_response_was_lost_is_written(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """boto3 asks again, and the condition no longer holds."""
    file = local_file(tmp_path, b"first")
    answers = iter([True])

    def lose(method: str, key: str, environ: WSGIEnvironment) -> Answer | None:
        if method == "PUT" and key.endswith(".json") and next(answers, False):
            bucket.answer_itself(environ)
            return error_answer(503, "SlowDown", "Reduce your request rate.")
        return None

    bucket.refuse = lose
    put_file(store, file, NOON)
    assert next(answers, None) is None
    assert bucket.objects()[bucket.pointer()["key"]] == b"first"
    assert len([method for method, key in bucket.requests if method == "PUT"]) == 3


def test_clocks_that_differ_do_not_reorder_versions(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """A file that was put by a machine whose clock is ahead is replaced on that machine, too."""
    ahead = local_file(tmp_path / "ahead", b"by a clock that is ahead")
    put_file(store, ahead, LATER)
    put_file(store, local_file(tmp_path / "b", b"without the erased person"), NOON)
    assert bucket.objects()[bucket.pointer()["key"]] == b"without the erased person"
    assert not store.fetch(ahead, lambda _: LATER).is_ahead
    assert ahead.read_bytes() == b"without the erased person"


def test_a_server_without_conditions_is_written_after_a_comparison(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.refuse = lambda _, __, environ: (
        BROKEN if {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} & environ.keys() else None
    )
    file = local_file(tmp_path, b"first")
    seen = store.current(file.name)
    store.put(file, NOON, seen)
    put_file(store, local_file(tmp_path, b"second"), LATER)
    assert bucket.objects()[bucket.pointer()["key"]] == b"second"
    with pytest.raises(Superseded):
        store.put(local_file(tmp_path / "b", b"older"), NOON, seen)


def test_the_pointer_is_what_the_documentation_tells_analysts(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    put_file(store, local_file(tmp_path, b"first"), NOON)
    body = bucket.objects()["published/org9001/analytics.json"]
    pointer = json.loads(body)
    assert set(pointer) == {"url", "key", "sha256", "size", "published_at"}
    told = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text()
    for reads in (r"SELECT (\w+) FROM read_json", r"analytics\.json - \| jq -r \.(\w+)"):
        assert re.findall(reads, told) == ["url"]
    assert pointer["url"] == f"s3://{bucket.name}/{pointer['key']}"
