"""Versions in a store: each has its own key, and how long it stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline.storage.store import Fetched, Pointer, StoreFailed, Superseded
from analytics_pipeline_tests.support.buckets import Bucket, refusing
from analytics_pipeline_tests.support.store_files import DAY, LATER, NOON, local_file, put_file


def test_each_version_has_a_key_of_its_own_and_the_pointer_names_the_last(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    put_file(store, local_file(tmp_path, b"first"), NOON)
    first = bucket.pointer()
    put_file(store, local_file(tmp_path, b"second"), LATER)
    second = bucket.pointer()
    assert first["key"] != second["key"]
    assert bucket.objects()[first["key"]] == b"first", "an open reader keeps it"
    assert bucket.objects()[second["key"]] == b"second"
    assert second["url"] == f"s3://{bucket.name}/{second['key']}"
    assert second["published_at"] == "2026-11-28T13:00:00.000000+00:00"
    assert second["size"] == 6


def test_a_version_stays_a_day_after_it_was_replaced_and_the_current_one_always(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    for number in range(3):
        put_file(
            store, local_file(tmp_path, b"version %d" % number), NOON + number * timedelta(hours=1)
        )
    bucket.client.put_object(Bucket=bucket.name, Key="published/org9001/other.txt", Body=b"kept")
    keys = first, second, third = bucket.versions()
    now = datetime.now(UTC)
    for key, days in zip(keys, (9, 3, 0), strict=True):
        bucket.uploaded_at(key, now - days * DAY)
    assert store.delete_before("analytics.duckdb", DAY) == (f"s3://{bucket.name}/{first}",)
    assert bucket.versions() == [second, third], "it was current until a moment ago"
    assert store.delete_before("analytics.duckdb", timedelta()) == (f"s3://{bucket.name}/{second}",)
    assert bucket.versions() == [third]
    bucket.client.put_object(Bucket=bucket.name, Key=third + "9", Body=b"of a failed upload")
    assert store.delete_before("analytics.duckdb", timedelta())
    assert bucket.versions() == [third]
    assert "published/org9001/other.txt" in bucket.objects()


def test_a_version_that_no_pointer_ever_named_replaces_none_and_does_not_stay(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """Else the current version would count as replaced since then, and vanish from its readers."""
    put_file(store, local_file(tmp_path, b"first"), NOON)
    first = bucket.versions()
    bucket.refuse = refusing("PUT", "analytics.json")
    with pytest.raises(StoreFailed):
        put_file(store, local_file(tmp_path, b"second"), LATER)
    bucket.refuse = lambda *_: None
    assert bucket.versions() == first
    with pytest.raises(Superseded):
        store.put(local_file(tmp_path / "b", b"older"), NOON - DAY, Fetched(Pointer()))
    assert bucket.versions() == first
