"""`backup` and `restore`, end to end: a sync, a restore, and the sync that completes the
warehouse.
"""

import json
import os
import time
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.runs.processes import command_tag
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse import backup as backups
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.file import FileWarehouse
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.loaded_warehouse import contents, difference


def invoke(*arguments: object) -> object:
    return CliRunner().invoke(app, list(map(str, arguments)))


def ask(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_the_next_sync_completes_a_restored_backup(
    run: Run, synced: Path, demo: DemoVocareum, organisation: Organisation, tmp_path: Path
) -> None:
    folder, warehouse = tmp_path / "copies" / "monday", synced / "warehouse.duckdb"
    saved = run("backup", str(folder))
    assert saved.exit_code == 0, saved.output
    key = next(
        key
        for key in organisation.files()
        if "lab_sessions_" in key and organisation.truth.rows[key] > 3
    )
    records = f"SELECT records FROM ops.loaded_files WHERE source_key = '{key}'"
    [(before,)] = ask(warehouse, records)
    body = organisation.files()[key].splitlines(keepends=True)
    demo.put(key, b"".join(body[:-1]))  # one row fewer: losing half of them would hold the version
    assert run("sync").exit_code == 0
    current = contents(warehouse)
    done = run("restore", str(folder))
    assert done.exit_code == 0, done.output
    [aside] = synced.glob("warehouse.duckdb.replaced-*")
    assert str(aside) in done.output
    assert difference(current, contents(aside)) == {}, "the replaced warehouse is kept"
    assert ask(warehouse, records) == [(before,)]
    demo.clear_requests()
    healed = run("sync")
    assert (healed.exit_code, demo.count("GET")) == (
        0,
        0,
    ), f"the newer version is in the landing folder: {healed.output}"
    assert ask(warehouse, records) == [(before - 1,)]
    assert "Published: " in healed.output
    assert ask(synced / "analytics.duckdb", records) == [(before - 1,)]


def test_a_backup_is_private_and_needs_nothing_else(settings: Settings, tmp_path: Path) -> None:
    os.umask(before := os.umask(0))
    folder = tmp_path / "copy"
    assert invoke("backup", folder).exit_code == 0
    os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        backups.COPY: 0o600,
        backups.MANIFEST: 0o600,
    }
    assert difference(contents(settings.warehouse_path), contents(folder / backups.COPY)) == {}


def test_a_backup_overwrites_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    for name in ("taken", "taken/notes.txt"):
        refused = invoke("backup", tmp_path / name)
        assert (refused.exit_code, "never overwrites files" in refused.output) == (
            2,
            True,
        ), refused.output
    assert (tmp_path / "taken" / "notes.txt").read_text() == "mine"


def test_a_backup_into_a_folder_of_somebody_else_names_another_one_as_the_remedy(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    refused = invoke("backup", theirs)
    assert refused.exit_code == 2, refused.output
    assert "belongs to another user. Name a folder of yours." in refused.output
    assert list(theirs.iterdir()) == []


def test_a_backup_waits_for_the_writer(settings: Settings, tmp_path: Path) -> None:
    with (
        open_warehouse(settings.warehouse_path),
        pytest.raises(backups.PipelineError, match="in use by another process"),
    ):
        backups.backup(
            FileWarehouse(settings.warehouse_path), tmp_path / "copy", "9001", wait_seconds=0
        )
    assert not (tmp_path / "copy").exists()


def _damage(folder: Path) -> None:
    with (folder / backups.COPY).open("r+b") as file:
        file.seek(5_000)
        file.write(b"\xff" * 10)


def _of_another(folder: Path) -> None:
    manifest = json.loads((folder / backups.MANIFEST).read_text())
    (folder / backups.MANIFEST).write_text(json.dumps(manifest | {"org_id": "7"}))


def test_a_backup_names_the_organisation_of_the_warehouse_and_not_that_of_the_settings(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOCAREUM_ORG_ID", "7")
    refused = invoke("backup", tmp_path / "copy")
    assert refused.exit_code == 2, refused.output
    assert "This warehouse holds the files of org9001, but the settings name org7" in refused.output
    assert not (tmp_path / "copy").exists()
    monkeypatch.setenv("VOCAREUM_ORG_ID", "")
    assert invoke("backup", tmp_path / "copy").exit_code == 0
    assert json.loads((tmp_path / "copy" / backups.MANIFEST).read_text())["org_id"] == "9001"


def test_a_copy_of_another_organisation_is_refused_whatever_its_manifest_says(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    assert invoke("backup", folder).exit_code == 0
    manifest = json.loads((folder / backups.MANIFEST).read_text())
    (folder / backups.MANIFEST).write_text(json.dumps(manifest | {"org_id": "7"}))
    monkeypatch.setenv("VOCAREUM_ORG_ID", "7")
    refused = invoke("restore", folder)
    assert refused.exit_code == 2, refused.output
    assert "This warehouse holds the files of org9001, but the settings name org7" in refused.output
    assert not list(settings.data_dir.glob("*.replaced-*"))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_damage, "is damaged"),
        (_of_another, "organisation 7"),
        (lambda folder: (folder / backups.MANIFEST).unlink(), "not a complete backup"),
        (lambda folder: (folder / backups.COPY).unlink(), "not a complete backup"),
    ],
)
def test_an_invalid_backup_is_refused_and_nothing_changes(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm, said: str
) -> None:
    monkeypatch.setenv("VOCAREUM_ORG_ID", "9001")
    folder = tmp_path / "copy"
    assert invoke("backup", folder).exit_code == 0
    harm(folder)
    before = settings.warehouse_path.stat()
    refused = invoke("restore", folder)
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert settings.warehouse_path.stat() == before
    assert not list(settings.data_dir.glob("*.replaced-*"))


def test_a_restore_is_refused_while_a_run_is_under_way(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    assert invoke("backup", tmp_path / "copy").exit_code == 0
    with open_instance(settings) as instance:
        run = instance.create_run_for_job(_job(), status=_started(), tags=command_tag("sync"))
        refused = invoke("restore", tmp_path / "copy")
        assert (refused.exit_code, run.run_id in refused.output) == (2, True), refused.output
        instance.report_run_canceled(run)
        assert invoke("restore", tmp_path / "copy").exit_code == 0


@pytest.mark.parametrize("storage", ["ours", "elsewhere"])
def test_a_restore_is_refused_while_a_daemon_is_alive(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    from dagster._daemon.types import DaemonHeartbeat

    monkeypatch.setenv("DAGSTER_HOME", "")
    if storage == "elsewhere":
        settings.dagster_home.mkdir(exist_ok=True)
        own = f"storage: {{sqlite: {{base_dir: {tmp_path / 'elsewhere'}}}}}\n"
        (settings.dagster_home / "dagster.yaml").write_text(own)
    assert invoke("backup", tmp_path / "copy").exit_code == 0
    with open_instance(settings) as instance:
        for age, code in ((0, 2), (301, 0)):
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "SENSOR", "id", []))
            answer = invoke("restore", tmp_path / "copy")
            assert answer.exit_code == code, answer.output
            assert ("daemon is alive" in answer.output) == bool(code)


def test_a_heartbeat_that_is_dated_in_the_future_is_named_and_refuses_no_restore(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster._daemon.types import DaemonHeartbeat

    monkeypatch.setenv("DAGSTER_HOME", "")
    assert invoke("backup", tmp_path / "copy").exit_code == 0
    with open_instance(settings) as instance:
        ahead, now = time.time() + 40 * 24 * 3600, time.time()
        instance.add_daemon_heartbeat(DaemonHeartbeat(ahead, "SENSOR", "id", []))
        answer = invoke("restore", tmp_path / "copy")
        assert answer.exit_code == 0, answer.output
        assert "in the future: the clock of its machine was or is ahead" in answer.output
        instance.add_daemon_heartbeat(DaemonHeartbeat(now, "SCHEDULER", "id", []))
        refused = invoke("restore", tmp_path / "copy")
    assert (refused.exit_code, "daemon is alive" in refused.output) == (2, True), refused.output


def test_people_who_were_erased_since_are_named(settings: Settings, tmp_path: Path) -> None:
    assert invoke("backup", tmp_path / "copy").exit_code == 0
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute(
            "INSERT INTO ops.erased (user_id, erased_at, times) VALUES (4711, now()::TIMESTAMP, 1)"
        )
    done = invoke("restore", tmp_path / "copy")
    assert "analytics-pipeline erase --user-id 4711" in done.output


def _job():
    import dagster as dg

    return dg.Definitions(
        assets=[dg.asset(lambda: None, name="a")]
    ).resolve_implicit_global_asset_job_def()


def _started():
    import dagster as dg

    return dg.DagsterRunStatus.STARTED
