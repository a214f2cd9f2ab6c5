"""Which store the settings name: a prefix in S3 at an address of its own, or the folder itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from analytics_pipeline.settings import SettingsError, load_settings
from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline.storage.objects import Objects
from analytics_pipeline.storage.store import FOLDER, Fetched
from analytics_pipeline_tests.support.store_files import NOON, local_file


def test_the_feeds_endpoint_is_not_the_stores(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert Objects("a", "p/", None, "eu-west-1")._client.meta.endpoint_url == (
        "https://s3.eu-west-1.amazonaws.com"
    )


def test_a_folder_is_its_own_store(tmp_path: Path) -> None:
    file = local_file(tmp_path, b"content")
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
