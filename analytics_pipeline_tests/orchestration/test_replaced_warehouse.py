"""An older warehouse restored under a current DAGSTER_HOME: detected without opening it, and
completed by the daemon.
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.orchestration.sync import make_plan, sync
from analytics_pipeline.warehouse import sidecar
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.file import FileWarehouse
from analytics_pipeline.warehouse.sidecar import (
    REPLACED,
    UNREADABLE,
    is_untouched,
    read_sidecar,
    replaced_at,
    sidecar_path,
)
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

DAYS = "SELECT partition, rows FROM ops.loaded_files ORDER BY 1"


def load(pipeline: Pipeline, *days: str, rows: int = 1) -> None:
    for day in days:
        pipeline.vocareum.put(*lab_sessions(day, rows))
    pipeline.tick_and_load()


@pytest.fixture
def older(pipeline: Pipeline, tmp_path: Path) -> Path:
    """A copy of the warehouse with one of three days, the second of which was rewritten since."""
    load(pipeline, "2026-11-01", "2026-11-02")
    copy = tmp_path / "older.duckdb"
    shutil.copy(pipeline.settings.warehouse_path, copy)
    load(pipeline, "2026-11-02", "2026-11-03", rows=3)
    assert pipeline.tick().skip_reason.skip_message.startswith("All 3 delivered files are loaded")
    return copy


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("way", [shutil.copyfile, shutil.copy2, shutil.move])
def test_the_sensor_alone_completes_an_older_warehouse(
    pipeline: Pipeline, older: Path, way
) -> None:
    way(older, pipeline.settings.warehouse_path)
    assert pipeline.rows(DAYS) == [("2026-11-01", 1), ("2026-11-02", 1)]
    pipeline.vocareum.clear_requests()
    assert [run.success for run in pipeline.tick_and_run()] == [True]
    assert pipeline.rows(DAYS) == [("2026-11-01", 1), ("2026-11-02", 3), ("2026-11-03", 3)]
    assert not pipeline.tick().run_requests, "what is compared once is believed again"
    assert pipeline.tick().skip_reason.skip_message.startswith("All 3 delivered files are loaded")


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("clock", [978_307_200.0, 4_102_444_800.0], ids=["behind", "ahead"])
def test_a_replacement_is_completed_once_whatever_the_clock_says(
    pipeline: Pipeline, older: Path, clock: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecar, "time", SimpleNamespace(time=lambda: clock))
    shutil.copyfile(older, pipeline.settings.warehouse_path)
    warehouse = WarehouseResource.of(pipeline.settings)
    assert warehouse.detect_replacement() == REPLACED
    pipeline.tick_and_run()
    assert pipeline.rows(DAYS) == [("2026-11-01", 1), ("2026-11-02", 3), ("2026-11-03", 3)]
    assert not pipeline.tick().run_requests
    found = replaced_at(pipeline.settings.warehouse_path)
    shutil.copyfile(older, pipeline.settings.warehouse_path)
    assert warehouse.detect_replacement() == REPLACED, "a second one, at the same time"
    assert replaced_at(pipeline.settings.warehouse_path) == found == clock
    assert pipeline.tick().run_requests


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("at", "loads"),
    [
        pytest.param(0.0, False, id="never"),
        pytest.param(1.0, False, id="before everything was loaded"),
        pytest.param(4_102_444_800.0, True, id="noticed just now, or by a clock that was ahead"),
    ],
)
def test_what_an_earlier_release_recorded_of_a_replacement_is_understood(
    pipeline: Pipeline, at: float, *, loads: bool
) -> None:
    load(pipeline, "2026-11-01")
    path = sidecar_path(pipeline.settings.warehouse_path)
    recorded = json.loads(path.read_text())
    del recorded["begun"]
    path.write_text(json.dumps(recorded | {"replaced_at": at}))
    assert bool(pipeline.tick().run_requests) == loads
    pipeline.tick_and_run()
    assert not pipeline.tick().run_requests, "what is compared once is believed again"


def test_a_run_before_the_sensor_does_not_hide_the_replacement(
    pipeline: Pipeline, older: Path
) -> None:
    shutil.copyfile(older, pipeline.settings.warehouse_path)
    with open_warehouse(pipeline.settings.warehouse_path) as connection:
        connection.execute("SELECT 1")
    assert is_untouched(pipeline.settings.warehouse_path)
    pipeline.tick_and_run()
    assert pipeline.rows(DAYS) == [("2026-11-01", 1), ("2026-11-02", 3), ("2026-11-03", 3)]


@pytest.mark.thorough
def test_sync_rematerializes_what_an_older_warehouse_has_and_loads_the_rest(
    start_pipeline: StartPipeline,
) -> None:
    pipeline = start_pipeline()
    load(pipeline, "2026-11-01")
    warehouse = pipeline.settings.warehouse_path
    copy = warehouse.with_name("copy")
    shutil.copy(warehouse, copy)
    load(pipeline, "2026-11-02")
    shutil.copy(copy, warehouse)
    done = sync(
        pipeline.settings,
        pipeline.definitions,
        pipeline.instance,
        make_plan(pipeline.settings, Selection()),
    )
    assert not done.failed_runs
    assert pipeline.rows(DAYS) == [("2026-11-01", 1), ("2026-11-02", 1)]
    assert not pipeline.tick().run_requests


def test_the_sensor_says_that_the_warehouse_is_gone_until_it_is_loaded_again(
    pipeline: Pipeline,
) -> None:
    load(pipeline, "2026-11-01")
    warehouse = WarehouseResource.of(pipeline.settings)
    assert warehouse.detect_replacement() == ""
    pipeline.settings.warehouse_path.unlink()
    for _ in range(2):
        assert warehouse.detect_replacement().startswith("The warehouse is gone: ")
    pipeline.clock.move(minutes=16)
    pipeline.tick_and_load()
    assert warehouse.detect_replacement() == ""
    assert pipeline.rows(DAYS) == [("2026-11-01", 1)]


def test_the_sensor_does_not_open_an_unchanged_warehouse(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(pipeline, "2026-11-01")
    pipeline.tick()  # records the verdicts on its listing, once
    opened: list[Path] = []
    monkeypatch.setattr(FileWarehouse, "open", lambda self, *_: opened.append(self.file))
    pipeline.tick()
    assert opened == []
    assert (pipeline.settings.data_dir / "warehouse.duckdb.state").stat().st_mode & 0o777 == 0o600


def test_a_warehouse_being_written_is_not_mistaken_for_a_replaced_one(pipeline: Pipeline) -> None:
    load(pipeline, "2026-11-01")
    with open_warehouse(pipeline.settings.warehouse_path) as connection:
        connection.execute("CREATE TABLE big AS SELECT range AS n FROM range(100_000)")
        connection.execute("CHECKPOINT")
        assert not is_untouched(pipeline.settings.warehouse_path)
        assert not pipeline.tick().run_requests
    assert replaced_at(pipeline.settings.warehouse_path) == 0


def test_a_touched_file_with_the_same_ledger_is_trusted(pipeline: Pipeline) -> None:
    load(pipeline, "2026-11-01")
    pipeline.settings.warehouse_path.touch()
    assert not pipeline.tick().run_requests
    assert replaced_at(pipeline.settings.warehouse_path) == 0
    assert is_untouched(pipeline.settings.warehouse_path)


def test_a_warehouse_without_a_sidecar_is_trusted_and_gets_one(pipeline: Pipeline) -> None:
    load(pipeline, "2026-11-01")
    sidecar_path(pipeline.settings.warehouse_path).unlink()
    assert not pipeline.tick().run_requests
    with open_warehouse(pipeline.settings.warehouse_path):
        pass
    assert read_sidecar(pipeline.settings.warehouse_path) is not None


@pytest.mark.first_forms(2)
@pytest.mark.parametrize("content", ["", "{", "[]", '{"file": 1, "digest": "", "replaced_at": 0}'])
def test_a_warehouse_whose_sidecar_cannot_be_read_is_compared_once(
    pipeline: Pipeline, older: Path, content: str
) -> None:
    """It may have been replaced since: a power cut can leave the sidecar empty."""
    shutil.copyfile(older, pipeline.settings.warehouse_path)
    sidecar_path(pipeline.settings.warehouse_path).write_text(content)
    assert [run.success for run in pipeline.tick_and_run()] == [True]
    assert pipeline.rows(DAYS) == [("2026-11-01", 1), ("2026-11-02", 3), ("2026-11-03", 3)]
    assert read_sidecar(pipeline.settings.warehouse_path) not in (None, UNREADABLE)
    assert not pipeline.tick().run_requests, "what is compared once is believed again"
