"""Workers without a shared disk publish to one store: whoever made a file, all others find it."""

import json
import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.storage.store import StoreFailed, Superseded
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.gone import NotReplaced
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline.warehouse.published_file import (
    published_at,
    published_file,
    store_of,
)
from analytics_pipeline_tests.support.buckets import Bucket, refusing
from analytics_pipeline_tests.support.republished import (
    Republished,
    contents,
    publish_tiny_changes,
)
from analytics_pipeline_tests.warehouse.conftest import publish_to_store

FILE = "analytics.duckdb"


def test_a_second_worker_writes_only_differences_to_the_file_of_the_first(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_tiny_changes(monkeypatch)
    lived = Republished(tmp_path / "warehouse", seed=1)
    one, two = (bucket.settings(tmp_path / name) for name in ("one", "two"))
    assert publish_to_store(one, lived.warehouse).is_whole
    with lived.open() as connection:
        lived.late_file(connection)
    bucket.requests.clear()
    assert not publish_to_store(two, lived.warehouse).is_whole, (
        "it has the file of the first worker"
    )
    downloads = [key for method, key in bucket.requests if method == "GET" and "-" in key]
    assert len(downloads) == 1
    assert not publish_to_store(one, lived.warehouse).is_whole, (
        "and the first one that of the second"
    )
    with open_warehouse(lived.warehouse) as connection:
        publish(connection, tmp_path / "whole.duckdb", pii=False, without_marts=True)
    assert contents(one.published_path) == contents(tmp_path / "whole.duckdb")
    assert len(bucket.versions()) == 3


@pytest.mark.thorough
def test_a_new_warehouse_does_not_replace_the_version_of_one_that_is_gone(
    bucket: Bucket, tmp_path: Path
) -> None:
    settings = bucket.settings(tmp_path / "one")
    add_file = """INSERT INTO ops.loaded_files (dataset, source_key, loaded_at)
                  VALUES ('aws_cost', 'org9001/aws', $1)"""
    gone = Republished(tmp_path / "gone", seed=1).warehouse
    with open_warehouse(gone) as connection:
        connection.execute(add_file, [warehouse_now()])
    publish_to_store(settings, gone)
    before = bucket.pointer()
    with open_warehouse(Republished(tmp_path / "new", seed=1).warehouse) as connection:
        connection.execute(add_file, [warehouse_now()])
        connection.execute("UPDATE ops.schema_version SET applied_at = $1", [warehouse_now()])
        replace_version = partial(
            publish, connection, settings.published_path, pii=False, store=store_of(settings)
        )
        with pytest.raises(NotReplaced, match="publish --replace"):
            replace_version()
        assert bucket.pointer() == before
        replace_version(replaces_other=True)
        assert bucket.pointer() != before
        replace_version()


@pytest.mark.slow
def test_a_withheld_mart_keeps_the_state_that_another_worker_published(
    bucket: Bucket, tmp_path: Path
) -> None:
    lived = Republished(tmp_path / "warehouse", seed=2)
    one, two = (bucket.settings(tmp_path / name) for name in ("one", "two"))
    publish_to_store(one, lived.warehouse)
    with lived.open() as connection:
        lived.held_mart(connection)
    done = publish_to_store(two, lived.warehouse)
    assert {"marts.people", "marts.summary"} <= done.kept.keys()
    assert done.left_out == []


@pytest.mark.thorough
def test_a_later_publication_of_another_worker_stays(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of a lake can be lost; then the pointer alone decides."""
    lived = Republished(tmp_path / "warehouse", seed=3)
    one, two = (bucket.settings(tmp_path / name) for name in ("one", "two"))
    store = store_of(one)
    seen = store.fetch(one.published_path)
    publish_to_store(two, lived.warehouse)
    before = bucket.pointer()
    with monkeypatch.context() as late:
        late.setattr(type(store), "fetch", lambda *_: seen)
        late.setattr(
            "analytics_pipeline.warehouse.publication.datetime",
            _Earlier(published_at(two.published_path)),
        )
        with pytest.raises(StoreFailed, match="which is later than this one"):
            publish_to_store(one, lived.warehouse)
    assert bucket.pointer() == before


class _Earlier:
    """A clock that shows an hour before a time."""

    def __init__(self, at: Any) -> None:
        self._at = at

    def now(self, zone: Any) -> Any:
        return (self._at - timedelta(hours=1)).replace(tzinfo=zone)


def _ask(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.thorough
def test_each_command_says_that_an_upload_failed_and_publishing_again_repeats_it(
    worker: Settings, bucket: Bucket
) -> None:
    assert _ask("publish").exit_code == 0
    first = bucket.pointer()
    bucket.refuse = refusing("PUT", "analytics-")
    failed = _ask("publish")
    assert failed.exit_code == 1
    assert "is written here, but it was not uploaded: S3 does not let us write" in failed.stderr
    assert "403 AccessDenied. Allow s3:GetObject" in failed.stderr
    assert bucket.pointer() == first
    said = "analytics.duckdb was not uploaded"
    status = _ask("status", "--json")
    assert said in json.loads(status.stdout)["not_stored"]
    assert json.loads(status.stdout)["complete"] is False
    assert said in _ask("status").stderr
    rows = _ask("query", "SELECT count(*) AS n FROM marts.course_summary", "--format", "csv")
    assert (rows.exit_code, said in rows.stderr) == (0, True)
    assert said in _ask("models", "build", "--select", "course_summary").stderr
    assert said in _ask("report").stderr
    doctor = _ask("doctor")
    assert "published store: s3://" in doctor.output
    bucket.refuse = lambda *_: None
    again = _ask("publish")
    assert again.exit_code == 0, again.output
    assert f"s3://{bucket.name}/published/org9001/analytics.json names it" in again.output
    assert bucket.pointer()["published_at"] > first["published_at"]
    assert said not in _ask("query", "SELECT 1 AS n").stderr


@pytest.mark.slow
def test_a_report_that_can_not_be_uploaded_is_an_error(worker: Settings, bucket: Bucket) -> None:
    assert _ask("publish").exit_code == 0
    bucket.refuse = refusing("PUT", "report")
    failed = _ask("report")
    assert failed.exit_code == 1
    assert "report.html is written here, but it was not uploaded" in failed.stderr
    assert "report.json" not in " ".join(bucket.objects())
    bucket.refuse = lambda *_: None
    assert _ask("report").exit_code == 0
    assert _ask("report", "--output", str(worker.data_dir / "mine.html")).exit_code == 0
    assert len(bucket.versions("report")) == 1, "a page for one person is not uploaded"


@pytest.mark.thorough
def test_a_report_that_a_later_one_overtook_says_that_it_is_not_the_stores(
    worker: Settings,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overtaken(*_: object) -> None:
        raise Superseded("report.html was not uploaded: the store has a later version.")

    assert _ask("publish").exit_code == 0
    monkeypatch.setattr(type(store_of(worker)), "put", overtaken)
    told = _ask("report")
    assert told.exit_code == 0, "the store has the right one"
    assert "the store has a later version" in told.stdout
    assert "Uploaded" not in told.stdout


@pytest.mark.thorough
def test_another_machine_fetches_file_and_report_and_reads_offline_with_a_notice(
    worker: Settings, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _ask("publish").exit_code == 0
    assert _ask("report").exit_code == 0
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "analyst"))
    nothing = bucket.refuse = lambda *_: refusing("GET", "")("GET", "", {})
    alone = _ask("query", "FROM ops.published")
    assert alone.exit_code == 1
    assert "S3 does not let us read" in alone.stderr
    bucket.refuse = lambda *_: None
    fetched = _ask("fetch")
    assert fetched.exit_code == 0, fetched.output
    assert "analytics.duckdb: the version of" in fetched.output
    assert (tmp_path / "analyst" / "report.html").read_bytes() == worker.report_path.read_bytes()
    question = ("query", "SELECT count(*) > 0 AS is_there FROM marts.course_summary")
    assert "true" in _ask(*question).stdout
    bucket.refuse = nothing
    offline = _ask(*question)
    assert (offline.exit_code, "true" in offline.stdout) == (0, True)
    assert "This is the local copy of the published file, from 20" in offline.stderr


@pytest.mark.slow
def test_one_file_across_organisations_is_made_of_what_their_stores_have(
    worker: Settings, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys of an organisation's store stand in its env file alone."""
    publish_to_store(worker)
    home = tmp_path / "dagster"
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    values = {
        **bucket.environment,
        **{name: os.environ[name] for name in keys},
        "VOCAREUM_API_TOKEN": "token",
        "ANALYTICS_DATA_DIR": str(tmp_path / "org9001"),
        "ANALYTICS_DAGSTER_HOME": str(home),
        "ANALYTICS_KEY_PREFIX": "true",
    }
    env_file = tmp_path / "org9001.env"
    env_file.touch(mode=0o600)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    for name in (*values, *keys):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANALYTICS_DAGSTER_HOME", str(home))
    assert _ask("workspace", "add", str(env_file)).exit_code == 0
    done = _ask("publish", "--across", str(tmp_path / "across.duckdb"))
    assert done.exit_code == 0, done.output
    assert "1 organisation (9001)" in done.output
    assert (tmp_path / "org9001" / FILE).exists()


def test_fetch_without_a_store_or_before_the_first_publication_says_so(
    worker: Settings, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "analyst"))
    early = _ask("fetch")
    assert early.exit_code == 1
    assert "analytics.json is missing: nothing is published" in early.stderr
    monkeypatch.delenv("ANALYTICS_PUBLISHED_STORE")
    assert _ask("fetch").exit_code == 2


def test_the_age_of_a_local_copy_is_told(
    worker: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_to_store(worker)
    bucket.refuse = refusing("GET", "")
    at = published_at(worker.published_path)
    assert at
    for age, said in (
        (timedelta(minutes=65), "(1 h 5 min old)"),
        (timedelta(days=2, hours=3), "(2 d 3 h old)"),
    ):
        assert said in published_file(worker, at + age).notice
