"""A prefix in S3 as a store: new keys, a pointer that never goes back, and errors that say why."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.types import WSGIEnvironment

import pytest

from analytics_pipeline.demo.s3_server import error_answer
from analytics_pipeline.demo.wsgi import Answer
from analytics_pipeline.settings import SettingsError, load_settings
from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline.storage.objects import Objects
from analytics_pipeline.storage.store import (
    FOLDER,
    Fetched,
    Pointer,
    StoreFailed,
    Superseded,
)
from analytics_pipeline_tests.support.buckets import (
    BROKEN,
    REGION,
    Bucket,
    refusing,
    running_bucket,
)

NOON = datetime(2026, 11, 28, 12)  # noqa: DTZ001
LATER = NOON + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket(monkeypatch) as running:
        yield running


@pytest.fixture
def store(bucket: Bucket) -> ObjectStore:
    return ObjectStore(bucket.name, "published/org9001/", bucket.endpoint, REGION)


def _file(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "analytics.duckdb"
    file.write_bytes(content)
    return file


def _put(store: ObjectStore, file: Path, at: datetime) -> None:
    store.put(file, at, store.current(file.name))


def test_each_version_has_a_key_of_its_own_and_the_pointer_names_the_last(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    _put(store, _file(tmp_path, b"first"), NOON)
    first = bucket.pointer()
    _put(store, _file(tmp_path, b"second"), LATER)
    second = bucket.pointer()
    assert first["key"] != second["key"]
    assert bucket.objects()[first["key"]] == b"first", "an open reader keeps it"
    assert bucket.objects()[second["key"]] == b"second"
    assert second["url"] == f"s3://{bucket.name}/{second['key']}"
    assert second["published_at"] == "2026-11-28T13:00:00.000000+00:00"
    assert second["size"] == 6


def test_another_machine_fetches_only_what_differs(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    _put(store, _file(tmp_path / "a", b"first"), NOON)
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
    file = _file(tmp_path, b"local")
    assert store.fetch(file, lambda _: NOON).is_ahead, "the store has none yet"
    _put(store, _file(tmp_path / "other", b"theirs"), NOON)
    assert store.fetch(file, lambda _: LATER).is_ahead
    assert file.read_bytes() == b"local"
    assert not store.fetch(file, lambda _: NOON - DAY).is_ahead
    assert file.read_bytes() == b"theirs"


def test_a_pointer_never_goes_back_in_time(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    seen = store.current("analytics.duckdb")
    newer, older = _file(tmp_path / "a", b"newer"), _file(tmp_path / "b", b"older")
    store.put(newer, LATER, seen)
    with pytest.raises(Superseded, match=r"names a version of 2026-11-28 13:00:00 UTC already"):
        store.put(older, NOON, seen)
    with pytest.raises(Superseded, match="it was not uploaded"):
        store.put(older, NOON, Fetched(problem=StoreFailed("it could not be read at first")))
    assert bucket.objects()[bucket.pointer()["key"]] == b"newer"
    store.put(newer, LATER, seen)  # the same again
    store.put(_file(tmp_path / "c", b"newest"), LATER + DAY, seen)
    assert bucket.objects()[bucket.pointer()["key"]] == b"newest"


def test_two_writers_between_look_and_write_conflict_and_the_later_version_stays(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """The other one moves the pointer after it was compared, just before it is written."""
    newer, older = _file(tmp_path / "a", b"newer"), _file(tmp_path / "b", b"older")
    other = ObjectStore(store.bucket, store.prefix, store.endpoint_url, store.region)
    done: list[None] = []

    def overtake(method: str, key: str, _: object) -> None:
        if method == "PUT" and key.endswith("analytics.json") and not done:
            done.append(None)
            _put(other, newer, LATER)

    bucket.refuse = overtake
    with pytest.raises(Superseded):
        _put(store, older, NOON)
    assert done
    assert bucket.objects()[bucket.pointer()["key"]] == b"newer"


def test_a_pointer_whose_response_was_lost_is_written(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """boto3 asks again, and the condition no longer holds."""
    file = _file(tmp_path, b"first")
    answers = iter([True])

    def lose(method: str, key: str, environ: WSGIEnvironment) -> Answer | None:
        if method == "PUT" and key.endswith(".json") and next(answers, False):
            bucket.answer_itself(environ)
            return error_answer(503, "SlowDown", "Reduce your request rate.")
        return None

    bucket.refuse = lose
    _put(store, file, NOON)
    assert next(answers, None) is None
    assert bucket.objects()[bucket.pointer()["key"]] == b"first"
    assert len([method for method, key in bucket.requests if method == "PUT"]) == 3


def test_clocks_that_differ_do_not_reorder_versions(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """A file that was put by a machine whose clock is ahead is replaced on that machine, too."""
    ahead = _file(tmp_path / "ahead", b"by a clock that is ahead")
    _put(store, ahead, LATER)
    _put(store, _file(tmp_path / "b", b"without the erased person"), NOON)
    assert bucket.objects()[bucket.pointer()["key"]] == b"without the erased person"
    assert not store.fetch(ahead, lambda _: LATER).is_ahead
    assert ahead.read_bytes() == b"without the erased person"


def test_a_server_without_conditions_is_written_after_a_comparison(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.refuse = lambda _, __, environ: (
        BROKEN if {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} & environ.keys() else None
    )
    file = _file(tmp_path, b"first")
    seen = store.current(file.name)
    store.put(file, NOON, seen)
    _put(store, _file(tmp_path, b"second"), LATER)
    assert bucket.objects()[bucket.pointer()["key"]] == b"second"
    with pytest.raises(Superseded):
        store.put(_file(tmp_path / "b", b"older"), NOON, seen)


def test_a_version_stays_a_day_after_it_was_replaced_and_the_current_one_always(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    for number in range(3):
        _put(store, _file(tmp_path, b"version %d" % number), NOON + number * timedelta(hours=1))
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
    _put(store, _file(tmp_path, b"first"), NOON)
    before = bucket.pointer()
    bucket.refuse = refusing(method, text)
    with pytest.raises(StoreFailed, match=said) as raised:
        _put(store, _file(tmp_path, b"second"), LATER)
    assert "it was not uploaded" in str(raised.value)
    assert "s3:PutObject" in raised.value.remedy
    assert raised.value.exit_code == 1
    bucket.refuse = lambda *_: None
    assert bucket.pointer() == before
    _put(store, _file(tmp_path, b"second"), LATER)
    assert bucket.objects()[bucket.pointer()["key"]] == b"second", "the next try succeeds"


def test_a_damaged_or_missing_version_never_replaces_the_local_file(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    _put(store, _file(tmp_path, b"first"), NOON)
    local = _file(tmp_path, b"as it was")
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
    _put(store, _file(tmp_path / "other", b"second"), LATER)
    assert "can't be read or replaced" in str(store.fetch(local).problem)


def test_a_version_that_no_pointer_ever_named_replaces_none_and_does_not_stay(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    """Else the current version would count as replaced since then, and vanish from its readers."""
    _put(store, _file(tmp_path, b"first"), NOON)
    first = bucket.versions()
    bucket.refuse = refusing("PUT", "analytics.json")
    with pytest.raises(StoreFailed):
        _put(store, _file(tmp_path, b"second"), LATER)
    bucket.refuse = lambda *_: None
    assert bucket.versions() == first
    with pytest.raises(Superseded):
        store.put(_file(tmp_path / "b", b"older"), NOON - DAY, Fetched(Pointer()))
    assert bucket.versions() == first


def test_a_version_that_is_deleted_while_it_is_fetched_is_followed_to_the_next(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    _put(store, _file(tmp_path / "a", b"first"), NOON)
    [first] = bucket.versions()
    other = ObjectStore(store.bucket, store.prefix, store.endpoint_url, store.region)

    def erase(method: str, key: str, _: object) -> None:
        if method == "GET" and key == first:
            bucket.refuse = lambda *_: None
            _put(other, _file(tmp_path / "a", b"second"), LATER)
            other.delete_before("analytics.duckdb", timedelta())

    bucket.refuse = erase
    copy = tmp_path / "b" / "analytics.duckdb"
    assert store.fetch(copy).problem is None
    assert copy.read_bytes() == b"second"


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


def test_the_feeds_endpoint_and_credentials_are_not_the_stores(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert Objects("a", "p/", None, "eu-west-1")._client.meta.endpoint_url == (
        "https://s3.eu-west-1.amazonaws.com"
    )


def test_a_folder_is_its_own_store(tmp_path: Path) -> None:
    file = _file(tmp_path, b"content")
    assert FOLDER.fetch(file) == FOLDER.current(file.name) == Fetched()
    FOLDER.put(file, NOON, Fetched())
    FOLDER.check()
    assert FOLDER.delete_before(file.name, timedelta()) == ()
    assert (FOLDER.describe(), FOLDER.retained(), FOLDER.not_reached) == ("", "", ())
    before = FOLDER.identity(file)
    file.write_bytes(b"other content")
    assert FOLDER.identity(file) != before


@pytest.mark.parametrize("value", ["my-bucket", "https://host/bucket", "s3://", "s3://b u/c"])
def test_a_store_that_is_no_prefix_in_s3_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYTICS_PUBLISHED_STORE", value)
    with pytest.raises(SettingsError, match=r"ANALYTICS_PUBLISHED_STORE: .*s3://my-bucket"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ANALYTICS_PUBLISHED_STORE_ENDPOINT_URL", "minio:9000", "https://s3.example.org"),
        ("ANALYTICS_WAREHOUSE_ENDPOINT_URL", "https://host/path", "https://s3.example.org"),
        ("ANALYTICS_WAREHOUSE_DATA", "S3://my-bucket/lake", "s3://my-bucket/lake"),
    ],
)
def test_an_address_of_another_form_is_refused(
    variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3:// would be the folder S3: of the working folder, and boto3 fails without a scheme."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}: .*{says}"):
        load_settings()


def test_the_pointer_is_what_the_documentation_tells_analysts(
    store: ObjectStore, bucket: Bucket, tmp_path: Path
) -> None:
    _put(store, _file(tmp_path, b"first"), NOON)
    body = bucket.objects()["published/org9001/analytics.json"]
    assert set(json.loads(body)) == {"url", "key", "sha256", "size", "published_at"}
