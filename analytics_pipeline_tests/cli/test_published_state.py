"""A published file that analysts should not read as it is: `status` says why, `sync` repairs it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.models import published_assets
from analytics_pipeline.warehouse.connection import WarehouseBusy
from analytics_pipeline.warehouse.signature import signature
from analytics_pipeline_tests.cli.conftest import Run, status_json
from analytics_pipeline_tests.support.left_log import leave_log


def outdated(run: Run, **changes: str) -> str | None:
    """Return what `status --json` says about the published file; the verdict must agree."""
    code, found = status_json(run, **changes)
    why: str | None = found["outdated"]
    assert (code, found["complete"]) == ((1, False) if why else (0, True))
    return why


def assert_repaired(run: Run, **changes: str) -> None:
    assert "Complete." not in run("status", **changes).output
    repaired = run("sync", **changes)
    assert repaired.exit_code == 0, repaired.output
    assert "Nothing to load" in repaired.output
    assert "Published: " in repaired.output
    assert outdated(run, **changes) is None
    assert "Nothing to do" in run("sync", **changes).output


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("lose", "wrong"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.write_bytes(b"not a database"), "cannot be read"),
        (lambda path: os.truncate(path, path.stat().st_size - 4_096), "cannot be read"),
    ],
    ids=["deleted", "damaged", "cut short"],
)
def test_a_lost_published_file_is_published_again(
    run: Run, synced: Path, lose: Callable[[Path], object], wrong: str
):
    assert outdated(run) is None
    lose(synced / "analytics.duckdb")
    assert wrong in (outdated(run) or "")
    assert_repaired(run)


def test_a_file_that_another_program_changed_is_published_again(run: Run, synced: Path):
    spend = ("query", "SELECT round(sum(cost)) AS spend FROM marts.spend_days", "--format", "csv")
    before = run(*spend).stdout
    log = leave_log(
        synced / "analytics.duckdb", "UPDATE marts.spend_days SET cost = 100 * coalesce(cost, 0)"
    )
    assert run(*spend).stdout != before
    told = f"{log} lies beside the published file: another program wrote into that file"
    assert told in (outdated(run) or "")
    doctor = run("doctor")
    assert (doctor.exit_code, told in doctor.output) == (1, True), doctor.output
    assert_repaired(run)
    assert run("doctor").exit_code == 0
    assert (run(*spend).stdout, log.exists()) == (before, False)


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[: len(content) // 2], lambda _: b"no database"],
    ids=["shorter", "other"],
)
def test_while_a_run_writes_the_warehouse_a_damaged_file_is_told(
    run: Run, synced: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
):
    published = synced / "analytics.duckdb"
    published.write_bytes(damage(published.read_bytes()))

    def refused(path: Path, wait_seconds: float) -> object:
        raise WarehouseBusy(f"{path} is being written.")

    monkeypatch.setattr("analytics_pipeline.warehouse.file.read_warehouse", refused)
    result = run("status", "--json")
    assert result.exit_code == 2, result.output
    (problem,) = json.loads(result.stdout)["problems"]
    assert f"{synced / 'warehouse.duckdb'} is being written." in problem
    assert f"{published}, which `status` reads meanwhile, can't be read either: " in problem
    assert "`analytics-pipeline sync` publishes it again" in problem
    assert problem in run("status").stderr


@pytest.mark.thorough
def test_a_changed_folder_gets_the_file(run: Run, synced: Path, tmp_path: Path):
    folder = str(tmp_path / "elsewhere")
    assert "is missing" in (outdated(run, ANALYTICS_PUBLISHED_DIR=folder) or "")
    assert_repaired(run, ANALYTICS_PUBLISHED_DIR=folder)
    assert (tmp_path / "elsewhere" / "analytics.duckdb").exists()


@pytest.mark.thorough
def test_a_changed_privacy_setting_is_published_without_a_load(run: Run, synced: Path):
    wants = "holds no emails, names and free text, but PUBLISH_PII is true"
    assert wants in (outdated(run, PUBLISH_PII="true") or "")
    assert_repaired(run, PUBLISH_PII="true")
    assert "holds emails, names and free text, but PUBLISH_PII is false" in (outdated(run) or "")
    assert_repaired(run)
    found = signature(synced / "analytics.duckdb")
    assert found is not None
    assert found.pii is False


@pytest.mark.thorough
def test_a_failed_publication_after_a_build_is_not_complete(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
):
    key = next(key for key in sorted(organisation.files()) if "lab_sessions_" in key)
    demo.put(key, organisation.files()[key] + b"\n")
    published = synced / "analytics.duckdb"
    before = published.stat().st_mtime_ns

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "analytics.duckdb")

    with monkeypatch.context() as broken:
        broken.setattr(published_assets, "publish", no_room)
        failed = run("sync")
    assert (failed.exit_code, "analytics.duckdb is full" in failed.output) == (1, True)
    assert published.stat().st_mtime_ns == before
    assert "lacks the newest build of " in (outdated(run) or "")
    assert_repaired(run)
    assert published.stat().st_mtime_ns > before
