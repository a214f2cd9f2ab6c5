"""Deletion of old runs by the sensor and by `sync`: which records stay, and that Dagster's folder
does not grow with time.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import get_freezable_log_manager

from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.orchestration import sync as engine
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.models.staleness import stale_assets
from analytics_pipeline.orchestration.raw.retry_policy import RetryPolicy
from analytics_pipeline.orchestration.runs.history import delete_runs
from analytics_pipeline.orchestration.runs.retention import old_runs
from analytics_pipeline.orchestration.runs.run_records import KnownRun, RunState
from analytics_pipeline.sql_models.project import default_folder, load_project
from analytics_pipeline.warehouse.parameters import Parameters
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions

NOW = datetime(2026, 11, 20, tzinfo=UTC)
AT_ONCE = RetryPolicy(first_pause=timedelta(), factor=1)
TABLE = "raw.lab_sessions"


@pytest.fixture
def pipeline(start_pipeline: StartPipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Return a pipeline whose Dagster stores runs on disk and uses the pipeline's clock."""
    pipeline = start_pipeline(on_disk=True, retry_policy=AT_ONCE, DAGSTER_RUNS_KEPT_DAYS="7")
    monkeypatch.setattr("dagster._time._mockable_get_current_datetime", pipeline.clock)
    monkeypatch.setattr(
        "dagster._time._mockable_get_current_timestamp", lambda: pipeline.clock().timestamp()
    )
    # Events carry the time of their log records, which Python takes from the machine.
    monkeypatch.setattr("dagster._core.log_manager.DagsterLogManager", get_freezable_log_manager())
    return pipeline


def run(
    name: str, days_ago: int, state: RunState = RunState.SUCCEEDED, **facts: object
) -> KnownRun:
    ended = NOW - timedelta(days=days_ago)
    return KnownRun(name, "load_daily", state, frozenset({TABLE}), ended=ended, **facts)  # type: ignore[arg-type]


def refused(name: str, days_ago: int, version: str) -> KnownRun:
    return run(name, days_ago, RunState.FAILED, verdicts={"lab_sessions": {"2026-10-01": version}})


def test_the_newest_run_of_an_asset_in_each_state_stays() -> None:
    runs = [
        run("d", 40),
        run("c", 50, RunState.FAILED),
        run("b", 60),
        run("a", 70, RunState.FAILED),
    ]
    assert old_runs(runs, NOW, 5) == ["a", "b"]
    assert old_runs(runs, NOW - timedelta(days=65), 5) == ["a"]


def test_counted_verdicts_stay_until_the_file_is_loaded() -> None:
    verdicts = [refused(f"{at}", 40 + at, "v2") for at in range(4)] + [refused("4", 50, "v1")]
    assert old_runs(verdicts, NOW, 3) == ["4", "3"]
    asked = {"lab_sessions": {"2026-10-01": "v3"}}
    assert old_runs([run("new", 30, asked=asked), *verdicts], NOW, 3) == [
        "4",
        "3",
        "2",
        "1",
    ], "the newest failure stays"
    assert old_runs([run("new", 30), *verdicts], NOW, 3) == [
        "4",
        "3",
    ], "a run of other files does not settle this file"


def test_failures_that_do_not_count_displace_none_that_do() -> None:
    place = {"lab_sessions": frozenset({"2026-10-01"})}
    uncounted = [replace(refused(f"u{at}", 30 + at, "v"), uncounted=place) for at in range(4)]
    counted = [refused(f"{at}", 40 + at, "v") for at in range(4)]
    assert old_runs([*uncounted, *counted], NOW, 3) == ["3", "u3"]


@pytest.mark.slow
def test_loads_failures_and_checks_stay_known_after_their_runs_are_deleted(
    pipeline: Pipeline,
) -> None:
    for day in ("2026-11-01", "2026-11-02"):
        pipeline.vocareum.put(*lab_sessions(day))
    engine.sync(
        pipeline.settings,
        pipeline.definitions,
        pipeline.instance,
        engine.make_plan(pipeline.settings, Selection()),
    )
    key, bad = lab_sessions("2026-11-03")[0], b"<html>502 Bad Gateway</html>"
    for rewritten in range(3):
        pipeline.vocareum.put(*lab_sessions("2026-11-02", 2 + rewritten))
        pipeline.tick_and_run()
    pipeline.vocareum.put(key, bad)
    while pipeline.tick_and_run():
        pass
    assert "1 given up" in skipped(pipeline)
    before, runs = state(pipeline), len(pipeline.instance.get_runs())
    pipeline.clock.move(days=40)
    assert "Deleted 3 runs" in (pipeline.tick("old_runs").skip_reason.skip_message or "")
    assert len(pipeline.instance.get_runs()) == runs - 3
    assert state(pipeline) == before
    assert "1 given up" in skipped(pipeline), "neither loaded nor failing files are asked for again"
    assert pipeline.tick("old_runs").skip_reason.skip_message.startswith("Deleted 0 runs")


def test_dagsters_own_delete_run_forgets_loaded_partitions(pipeline: Pipeline) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    (first,) = pipeline.tick_and_run()
    home = pipeline.settings.dagster_home
    pipeline.instance.delete_run(first.run_id)
    assert not pipeline.instance.get_materialized_partitions(dg.AssetKey(["raw", "lab_sessions"]))
    assert (home / f"history/runs/{first.run_id}.db").exists()
    assert (home / f"storage/{first.run_id}").exists()


def test_deleting_a_run_keeps_only_records_that_partitions_need(pipeline: Pipeline) -> None:
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    (first,) = pipeline.tick_and_run()
    pipeline.vocareum.put(*lab_sessions("2026-11-02"))
    pipeline.tick_and_run()
    delete_runs(pipeline.instance, ALONE, [first.run_id], NOW - timedelta(days=400))
    home = pipeline.settings.dagster_home
    assert not [path for path in home.rglob("*") if first.run_id in str(path)]
    left = {
        (file, table): rows(
            home / file, f"SELECT count(*) FROM {table} WHERE run_id = '{first.run_id}'"
        )[0][0]
        for file, tables in (
            ("history/runs.db", ("runs", "run_tags")),
            ("history/runs/index.db", INDEXED),
        )
        for table in tables
    }
    assert {table: count for (_, table), count in left.items() if count} == {"event_logs": 1}
    assert pipeline.instance.get_materialized_partitions(dg.AssetKey(["raw", "lab_sessions"])) == {
        "2026-11-01",
        "2026-11-02",
    }


def test_the_logs_of_old_ticks_are_deleted_which_dagster_keeps_for_ever(pipeline: Pipeline) -> None:
    ticks = pipeline.settings.dagster_home / "storage" / "__repository__" / "missing_partitions"
    ticks.mkdir(parents=True)
    for name, days in (("1.err", 4), ("2.err", 2)):
        at = (pipeline.clock() - timedelta(days=days)).timestamp()
        (ticks / name).touch()
        os.utime(ticks / name, (at, at))
    pipeline.tick("old_runs")
    assert [path.name for path in ticks.iterdir()] == ["2.err"]


@pytest.mark.slow
def test_the_folder_does_not_grow_with_runs(pipeline: Pipeline) -> None:
    sizes = growth(pipeline, lambda: pipeline.tick_and_run() and pipeline.tick("old_runs"), 24)
    is_flat(sizes[10], sizes[24])
    assert len(pipeline.instance.get_runs()) >= 7, "those of the last days stay"


@pytest.fixture
def few_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce the project to two marts, what they read and their tests, and the report to a line.

    Each sync still loads, builds, tests, publishes and reports in its own runs, and their records
    decide about growth. More models would only leave more records of the same kinds.
    """
    few = tmp_path / "dbt_like_sql"
    project, marts = load_project(), {"marts.lab_sessions", "marts.data_completeness"}
    models = project.select(project.upstream(marts) | marts)
    checks = ("grain_of_lab_sessions", "every_session_is_in_lab_sessions")
    names = [model.qualified.replace(".", "/") for model in models]
    for name in (*names, *(f"tests/{check}" for check in checks)):
        (few / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(default_folder() / f"{name}.sql", few / f"{name}.sql")
    monkeypatch.setattr("analytics_pipeline.sql_models.project.default_folder", lambda: few)
    monkeypatch.setattr("analytics_pipeline.report.write_report", write_a_line)


def write_a_line(
    published: Path, page: Path, zone: object, *, cache_dir: Path, store: object
) -> Path:
    page.write_text(f"{published.name}, {zone}\n")
    return page


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.usefixtures("few_models")
def test_the_folder_does_not_grow_with_300_syncs(pipeline: Pipeline) -> None:
    def sync() -> None:
        todo = engine.make_plan(pipeline.settings, Selection())
        engine.sync(
            pipeline.settings, pipeline.definitions, pipeline.instance, todo, clock=pipeline.clock
        )

    sizes = growth(pipeline, sync, 300)
    is_flat(sizes[100], sizes[300])


INDEXED = ("event_logs", "asset_check_executions")


def growth(pipeline: Pipeline, load: Callable[[], object], times: int) -> list[tuple[int, int]]:
    """Load one changed file per day; return size (bytes) and number of files of Dagster's folder
    after each load.
    """
    for day in range(1, 4):
        pipeline.vocareum.put(*lab_sessions(f"2026-11-{day:02}"))
    sizes = [size(pipeline.settings.dagster_home)]
    for rewritten in range(times):
        pipeline.vocareum.put(*lab_sessions("2026-11-02", 2 + rewritten))
        load()
        sizes.append(size(pipeline.settings.dagster_home))
        pipeline.clock.move(days=1)
    return sizes


def is_flat(early: tuple[int, int], late: tuple[int, int]) -> None:
    assert late[0] <= early[0] * 1.1, f"{early[0]:,} bytes became {late[0]:,}"
    assert late[1] <= early[1] * 1.1, f"{early[1]} files became {late[1]}"


def size(home: Path) -> tuple[int, int]:
    files = [path for path in home.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files), len(files)


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def skipped(pipeline: Pipeline) -> str:
    return pipeline.tick().skip_reason.skip_message or ""


def state(pipeline: Pipeline) -> list[object]:
    """Return the run records that people, sensors and `sync` read."""
    key = dg.AssetKey(["raw", "lab_sessions"])
    checks = pipeline.definitions.get_repository_def().asset_graph.asset_check_keys
    latest = pipeline.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        list(checks)
    )
    return [
        pipeline.instance.get_materialized_partitions(key),
        pipeline.instance.get_latest_materialization_event(key),
        {check: (record.status, record.run_id) for check, record in latest.items()},
        stale_assets(pipeline.instance, ALONE, Parameters.of(pipeline.settings)),
    ]
