"""A prefix in a bucket of our own, as a store."""

from collections.abc import Iterator

import pytest

from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline_tests.support.buckets import REGION, Bucket, running_bucket


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket(monkeypatch) as running:
        yield running


@pytest.fixture
def store(bucket: Bucket) -> ObjectStore:
    return ObjectStore(bucket.name, "published/org9001/", bucket.endpoint, REGION)
