"""Workers without a shared disk publish to one store: whoever made a file, all others find it."""

import json
import multiprocessing
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.operations.erase_person import erase, receipt_path
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.store import StoreFailed, Superseded
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import Published, publish
from analytics_pipeline.warehouse.published_file import (
    published_at,
    published_file,
    refresh,
    store_of,
)
from analytics_pipeline_tests.support.buckets import Bucket, refusing, running_bucket
from analytics_pipeline_tests.support.byte_search import in_folder
from analytics_pipeline_tests.support.republished import (
    Republished,
    contents,
    publish_tiny_changes,
)

FILE = "analytics.duckdb"
_URL = "SELECT path FROM duckdb_databases() WHERE database_name = 'analytics'"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket(monkeypatch) as running:
        yield running


@pytest.fixture
def worker(settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A worker with the loaded warehouse; its settings are also in the environment."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def _publish(settings: Settings, warehouse: Path | None = None) -> Published:
    with open_warehouse(warehouse or settings.warehouse_path) as connection:
        return publish(
            connection,
            settings.published_path,
            pii=settings.publish_pii,
            without_marts=True,
            store=store_of(settings),
        )


def test_a_second_worker_writes_only_differences_to_the_file_of_the_first(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_tiny_changes(monkeypatch)
    lived = Republished(tmp_path / "warehouse", seed=1)
    one, two = (bucket.settings(tmp_path / name) for name in ("one", "two"))
    assert _publish(one, lived.warehouse).is_whole
    with lived.open() as connection:
        lived.late_file(connection)
    bucket.requests.clear()
    assert not _publish(two, lived.warehouse).is_whole, "it has the file of the first worker"
    downloads = [key for method, key in bucket.requests if method == "GET" and "-" in key]
    assert len(downloads) == 1
    assert not _publish(one, lived.warehouse).is_whole, "and the first one that of the second"
    with open_warehouse(lived.warehouse) as connection:
        publish(connection, tmp_path / "whole.duckdb", pii=False, without_marts=True)
    assert contents(one.published_path) == contents(tmp_path / "whole.duckdb")
    assert len(bucket.versions()) == 3


@pytest.mark.slow
def test_a_withheld_mart_keeps_the_state_that_another_worker_published(
    bucket: Bucket, tmp_path: Path
) -> None:
    lived = Republished(tmp_path / "warehouse", seed=2)
    one, two = (bucket.settings(tmp_path / name) for name in ("one", "two"))
    _publish(one, lived.warehouse)
    with lived.open() as connection:
        lived.held_mart(connection)
    done = _publish(two, lived.warehouse)
    assert {"marts.people", "marts.summary"} <= done.kept.keys()
    assert done.left_out == []


def test_a_later_publication_of_another_worker_stays(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of a lake can be lost; then the pointer alone decides."""
    lived = Republished(tmp_path / "warehouse", seed=3)
    one, two = (bucket.settings(tmp_path / name) for name in ("one", "two"))
    store = store_of(one)
    seen = store.fetch(one.published_path)
    _publish(two, lived.warehouse)
    before = bucket.pointer()
    with monkeypatch.context() as late:
        late.setattr(type(store), "fetch", lambda *_: seen)
        late.setattr(
            "analytics_pipeline.warehouse.publication.datetime",
            _Earlier(published_at(two.published_path)),
        )
        with pytest.raises(StoreFailed, match="which is later than this one"):
            _publish(one, lived.warehouse)
    assert bucket.pointer() == before


class _Earlier:
    """A clock that shows an hour before a time."""

    def __init__(self, at: Any) -> None:
        self._at = at

    def now(self, zone: Any) -> Any:
        return (self._at - timedelta(hours=1)).replace(tzinfo=zone)


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
    _publish(one)
    _publish(one)
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
    _publish(worker)
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
    _publish(worker)
    bucket.refuse = lambda *_: refusing("GET", "")("GET", "", {})
    receipt = erase(worker, user_id, dry_run=False)
    assert "403 AccessDenied" in receipt.not_stored
    assert receipt_path(worker, receipt).exists()
    assert not _rows_of(worker.published_path, user_id)


def _ask(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


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
    _publish(worker)
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
    _publish(worker)
    bucket.refuse = refusing("GET", "")
    at = published_at(worker.published_path)
    assert at
    for age, said in (
        (timedelta(minutes=65), "(1 h 5 min old)"),
        (timedelta(days=2, hours=3), "(2 d 3 h old)"),
    ):
        assert said in published_file(worker, at + age).notice


def _documented() -> list[str]:
    """Return the code that docs/analysts.md gives: a function, and how it is called."""
    page = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text()
    return re.findall(r"^```py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def test_analysts_attach_the_current_version_as_the_documentation_says(
    worker: Settings, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    _publish(worker)
    code = "".join(_documented())
    for written, ours in (
        ("s3://my-bucket/published/org9001/analytics.json", store_of(worker).describe(FILE)),
        ("KEY_ID '...'", f"KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}'"),
        ("SECRET '...'", f"SECRET '{os.environ['AWS_SECRET_ACCESS_KEY']}', {_address(bucket)}"),
        ("duckdb.connect()\n", f"duckdb.connect()\nconnection.execute({_load_httpfs()!r})\n"),
    ):
        assert written in code
        code = code.replace(written, ours)
    exec(code, {})
    assert "course_id" in capsys.readouterr().out


def _load_httpfs() -> str:
    """Return the statement that loads the extension from its package."""
    if (found := find_spec("duckdb_extension_httpfs")) is None or found.origin is None:
        pytest.skip("the extension httpfs is not installed: pip install analytics-pipeline[lake]")
    folder = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}"
    return f"LOAD '{folder / 'httpfs.duckdb_extension'}'"


def _address(bucket: Bucket) -> str:
    """Return the options of a secret for the server of the tests."""
    return f"ENDPOINT '{bucket.endpoint.removeprefix('http://')}', USE_SSL false, URL_STYLE 'path'"


def _read_in_a_loop(
    store: tuple[str, str, str, str],
    attached_for: int,
    fewest: int,
    ready: Any,
    stop: Any,
    results: Any,
) -> None:
    """Resolve the pointer and attach the version, as docs/analysts.md says; count what is wrong."""
    load, secret, pointer, key = store
    documented: dict[str, Any] = {}
    exec(_documented()[0], documented)
    attach_current = documented["attach_current"]
    read, errors, urls = 0, list[str](), set[str]()
    connection: duckdb.DuckDBPyConnection | None = None
    waiting = True
    while waiting or not stop.is_set() or read < fewest:
        try:
            if connection is None or read % attached_for == 0:
                if connection:
                    connection.close()
                connection = duckdb.connect(config={"autoinstall_known_extensions": False})
                connection.execute(load)
                connection.execute(f"CREATE SECRET (TYPE s3, {secret}, SECRET '{key}')")
                connection.execute("SET enable_external_file_cache = false")
                connection.execute("SET enable_progress_bar = false")
                attach_current(connection, pointer)
                urls.add(connection.execute(_URL).fetchall()[0][0])
            state = connection.execute(
                """SELECT count(DISTINCT number), count(*)
                   FROM (SELECT number FROM marts.one UNION ALL SELECT number FROM marts.other)"""
            ).fetchone()
            if state != (1, 2000):
                errors.append(f"half a state: {state}")
        except duckdb.Error as error:
            errors.append(str(error))
        read += 1
        if waiting:
            ready.wait(timeout=120)
            waiting = False
    results.put((read, errors, len(urls)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("readers", "publishes", "queries"),
    [(2, 4, 20), pytest.param(4, 20, 1_000, marks=pytest.mark.slow)],
    ids=["short", "full"],
)
def test_readers_of_the_bucket_see_no_error_and_no_half_state(
    bucket: Bucket, tmp_path: Path, readers: int, publishes: int, queries: int
) -> None:
    """The first reader keeps the first version open for all of its queries, the others move on."""
    worker = bucket.settings(tmp_path / "worker")
    store = (
        _load_httpfs(),
        f"KEY_ID '{os.environ['AWS_ACCESS_KEY_ID']}', REGION 'us-east-1', {_address(bucket)}",
        store_of(worker).describe(FILE),
        os.environ["AWS_SECRET_ACCESS_KEY"],
    )

    def publish_as(number: int) -> None:
        for table in ("one", "other"):
            connection.execute(
                f"CREATE OR REPLACE TABLE marts.{table} AS SELECT ? AS number FROM range(1000)",
                [number],
            )
        publish(
            connection,
            worker.published_path,
            pii=False,
            without_marts=True,
            store=store_of(worker),
        )

    context = multiprocessing.get_context("spawn")
    ready, stop, results = context.Barrier(readers + 1), context.Event(), context.Queue()
    loops = [
        context.Process(
            target=_read_in_a_loop,
            args=(
                store,
                10**9 if number == 0 else 5,
                queries // readers,
                *(ready, stop, results),
            ),
            daemon=True,
        )
        for number in range(readers)
    ]
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA marts")
        publish_as(0)
        try:
            for loop in loops:
                loop.start()
            ready.wait(timeout=120)
            for number in range(1, publishes + 1):
                publish_as(number)
        finally:
            stop.set()
        told = [results.get(timeout=600) for _ in loops]
    errors = [error for _, found_errors, _ in told for error in found_errors]
    assert not errors, f"{len(errors)} queries failed, such as: {errors[0]}"
    assert sum(read for read, *_ in told) >= queries
    assert min(urls for *_, urls in told) == 1, "one reader kept its version open"
    assert max(urls for *_, urls in told) > 1, "the others saw new versions"
    assert len(bucket.versions()) == publishes + 1
