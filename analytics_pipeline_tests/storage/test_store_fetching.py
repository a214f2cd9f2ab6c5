"""What a machine fetches from a store, and when its own file stays."""

from datetime import timedelta
from pathlib import Path

from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline_tests.support.buckets import Bucket
from analytics_pipeline_tests.support.store_files import DAY, LATER, NOON, local_file, put_file


def test_another_machine_fetches_only_what_differs(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    put_file(store, local_file(tmp_path / "a", b"first"), NOON)
    copy = tmp_path / "b" / "analytics.duckdb"
    assert store.fetch(copy).problem is None
    assert copy.read_bytes() == b"first"
    assert copy.stat().st_mode & 0o777 == 0o600
    bucket.requests.clear()
    store.fetch(copy)
    store.put(copy, NOON, store.current(copy.name))
    assert {key for _, key in bucket.requests} == {"published/org9001/analytics.json"}
    assert {method for method, _ in bucket.requests} == {"GET"}


def test_a_later_local_file_is_kept_and_reported_as_not_uploaded(
    store: ObjectStore, tmp_path: Path
) -> None:
    file = local_file(tmp_path, b"local")
    assert store.fetch(file, lambda _: NOON).is_ahead, "the store has none yet"
    put_file(store, local_file(tmp_path / "other", b"theirs"), NOON)
    assert store.fetch(file, lambda _: LATER).is_ahead
    assert file.read_bytes() == b"local"
    assert not store.fetch(file, lambda _: NOON - DAY).is_ahead
    assert file.read_bytes() == b"theirs"


def test_a_damaged_or_missing_version_never_replaces_the_local_file(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    put_file(store, local_file(tmp_path, b"first"), NOON)
    local = local_file(tmp_path, b"as it was")
    key = bucket.pointer()["key"]
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"other")
    assert "SHA-256" in str(store.fetch(local).problem)
    bucket.client.delete_object(Bucket=bucket.name, Key=key)
    assert "is missing, and the pointer names it" in str(store.fetch(local).problem)
    pointer = "published/org9001/analytics.json"
    bucket.client.put_object(Bucket=bucket.name, Key=pointer, Body=b"{")
    assert "is not a pointer" in str(store.fetch(local).problem)
    bucket.client.delete_object(Bucket=bucket.name, Key=pointer)
    assert local.read_bytes() == b"as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["analytics.duckdb"], "nothing is left"
    local.unlink()
    local.mkdir()  # no file can be read there, as if another user owned it
    put_file(store, local_file(tmp_path / "other", b"second"), LATER)
    assert "can't be read or replaced" in str(store.fetch(local).problem)


def test_a_version_that_is_deleted_while_it_is_fetched_is_followed_to_the_next(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    put_file(store, local_file(tmp_path / "a", b"first"), NOON)
    [first] = bucket.versions()
    other = ObjectStore(store.bucket, store.prefix, store.endpoint_url, store.region)

    def erase(method: str, key: str, _: object) -> None:
        if method == "GET" and key == first:
            bucket.refuse = lambda *_: None
            put_file(other, local_file(tmp_path / "a", b"second"), LATER)
            other.delete_before("analytics.duckdb", timedelta())

    bucket.refuse = erase
    copy = tmp_path / "b" / "analytics.duckdb"
    assert store.fetch(copy).problem is None
    assert copy.read_bytes() == b"second"
