"""A store that refuses or can't be reached: the errors say why, and what to do."""

from pathlib import Path

import pytest

from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline.storage.store import StoreFailed
from analytics_pipeline_tests.support.buckets import REGION, Bucket, refusing
from analytics_pipeline_tests.support.store_files import LATER, NOON, local_file, put_file


@pytest.mark.parametrize(
    ("method", "text", "said"),
    [
        ("PUT", "analytics-", r"does not let us write s3://\S+analytics-\S+: 403 AccessDenied"),
        (
            "PUT",
            "analytics.json",
            r"does not let us write s3://\S+analytics.json: 403 AccessDenied",
        ),
    ],
)
def test_a_refused_upload_names_the_object_the_code_and_the_permissions(
    store: ObjectStore, bucket: Bucket, tmp_path: Path, method: str, text: str, said: str
) -> None:
    put_file(store, local_file(tmp_path, b"first"), NOON)
    before = bucket.pointer()
    bucket.refuse = refusing(method, text)
    with pytest.raises(StoreFailed, match=said) as raised:
        put_file(store, local_file(tmp_path, b"second"), LATER)
    assert "it was not uploaded" in str(raised.value)
    assert "s3:PutObject" in raised.value.remedy
    assert raised.value.exit_code == 1
    bucket.refuse = lambda *_: None
    assert bucket.pointer() == before
    put_file(store, local_file(tmp_path, b"second"), LATER)
    assert bucket.objects()[bucket.pointer()["key"]] == b"second", "the next try succeeds"


def test_the_check_names_what_is_refused_and_leaves_nothing(
    store: ObjectStore, bucket: Bucket
) -> None:
    store.check()
    assert bucket.objects() == {}
    for method, verb in (("PUT", "write"), ("GET", "read"), ("DELETE", "delete")):
        bucket.refuse = refusing(method, "doctor-")
        with pytest.raises(StoreFailed, match=rf"does not let us {verb} s3://\S+: 403"):
            store.check()
    bucket.refuse = lambda *_: None
    assert store.retained() == ""
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    assert "Keep the published file in a bucket without versioning" in store.retained()


def test_missing_credentials_bucket_and_server_are_told_apart(
    store: ObjectStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ObjectStore("no-such-bucket-of-ours", "p/", store.endpoint_url, REGION)
    with pytest.raises(StoreFailed, match="Make the bucket, or correct ANALYTICS_PUBLISHED_STORE"):
        nowhere.check()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    closed = ObjectStore(bucket.name, "p/", "http://127.0.0.1:9", REGION)
    with pytest.raises(StoreFailed, match=r"can't be reached: EndpointConnectionError"):
        closed.check()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    keyless = ObjectStore(bucket.name, "p/", bucket.endpoint, REGION)
    with pytest.raises(StoreFailed, match=r"No AWS credentials .* or give this machine a role"):
        keyless.check()
