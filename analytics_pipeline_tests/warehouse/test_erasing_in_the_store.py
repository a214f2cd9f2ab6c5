"""A person who is erased is in no object of the store."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.operations.erase_person import erase, receipt_path
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.published_file import (
    published_file,
    refresh,
)
from analytics_pipeline_tests.support.buckets import Bucket, refusing
from analytics_pipeline_tests.support.byte_search import in_folder
from analytics_pipeline_tests.warehouse.conftest import publish_to_store

pytestmark = pytest.mark.thorough


def _person(settings: Settings) -> tuple[int, str]:
    with open_warehouse(settings.warehouse_path) as connection:
        [(user_id, email)] = connection.execute(
            """SELECT userid, any_value(email) FROM raw.enrollment
               WHERE contains(email, '@') AND userid IN (SELECT user_id FROM raw.lab_sessions)
               GROUP BY 1 HAVING count(DISTINCT email) = 1 ORDER BY 1 LIMIT 1"""
        ).fetchall()
    return user_id, email


def _holding(bucket: Bucket, folder: Path, user_id: int, email: str) -> list[str]:
    """Return the places in the bucket's objects, and their tables, that name the person."""
    folder.mkdir()
    for key, body in bucket.objects().items():
        (folder / Path(key).name).write_bytes(body)
    found = [name for name, raw in in_folder(folder) if email.encode().lower() in raw.lower()]
    for file in folder.glob("*.duckdb"):
        with duckdb.connect(str(file), read_only=True) as connection:
            for (table,) in connection.execute(
                """SELECT schema_name || '.' || table_name FROM duckdb_columns()
                   WHERE column_name IN ('user_id', 'userid') AND schema_name <> 'staging'
                     AND table_name IN (SELECT table_name FROM duckdb_tables())"""
            ).fetchall():
                column = "userid" if table.split(".")[1] in ("grades", "enrollment") else "user_id"
                rows = connection.execute(
                    f"SELECT count(*) FROM {table} WHERE {column} = ?", [user_id]
                ).fetchall()
                found += [f"{file.name}: {table}"] if rows != [(0,)] else []
    return found


def test_an_erased_person_is_in_no_object_and_leaves_other_workers_with_their_next_run(
    worker: Settings, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISH_PII", "true")
    one, two = Settings(), bucket.settings(tmp_path / "two")
    user_id, email = _person(one)
    publish_to_store(one)
    publish_to_store(one)
    assert CliRunner().invoke(app, ["report"]).exit_code == 0
    assert published_file(two).notice == ""
    before = bucket.versions()
    assert len(before) == 2
    found = _holding(bucket, tmp_path / "before", user_id, email)
    assert {Path(key).name for key in before} <= {name.partition(":")[0] for name in found}
    receipt = erase(one, user_id, dry_run=False)
    assert receipt.not_stored == ""
    assert sorted(receipt.deleted_versions) == [f"s3://{bucket.name}/{key}" for key in before]
    assert any("other workers" in place for place in receipt.not_reached)
    assert _holding(bucket, tmp_path / "after", user_id, email) == []
    assert len(bucket.versions()) == 1
    copy = two.published_path
    assert email.encode() in copy.read_bytes() or _rows_of(copy, user_id)
    refresh(two)
    assert not _rows_of(copy, user_id)
    assert email.encode() not in copy.read_bytes()


def _rows_of(file: Path, user_id: int) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        [(rows,)] = connection.execute(
            "SELECT count(*) FROM raw.lab_sessions WHERE user_id = ?", [user_id]
        ).fetchall()
    return int(rows)


@pytest.mark.slow
def test_an_erasure_that_the_store_refuses_is_no_success_and_the_next_one_completes_it(
    worker: Settings, bucket: Bucket
) -> None:
    user_id, _ = _person(worker)
    publish_to_store(worker)
    [old] = bucket.versions()
    bucket.refuse = refusing("DELETE", "analytics-")
    done = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert done.exit_code == 2, done.output
    assert "the store may still hold the person: run the same command again" in done.stderr
    assert "403 AccessDenied" in done.stderr
    assert "s3:DeleteObject" in done.stderr
    [receipt] = (worker.data_dir / "receipts").iterdir()
    assert "403 AccessDenied" in json.loads(receipt.read_text())["not_stored"]
    assert old in bucket.objects()
    bucket.refuse = lambda *_: None
    again = CliRunner().invoke(app, ["erase", "--user-id", str(user_id), "--yes"])
    assert again.exit_code == 0, again.output
    assert "Deleted from the store: 2 files of earlier publications." in again.output
    assert len(bucket.versions()) == 1


@pytest.mark.slow
def test_an_erasure_while_the_store_is_down_still_erases_here_and_says_so(
    worker: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, _ = _person(worker)
    publish_to_store(worker)
    bucket.refuse = lambda *_: refusing("GET", "")("GET", "", {})
    receipt = erase(worker, user_id, dry_run=False)
    assert "403 AccessDenied" in receipt.not_stored
    assert receipt_path(worker, receipt).exists()
    assert not _rows_of(worker.published_path, user_id)
