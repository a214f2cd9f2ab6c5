"""An older catalog of a lake restored under a current DAGSTER_HOME: the sensor and sync complete
it.
"""

from pathlib import Path

import pytest

from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.orchestration.sync import make_plan, sync
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.publish import Published, publish
from analytics_pipeline.warehouse.sidecar import REPLACED
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions
from analytics_pipeline_tests.support.lakes import database_of
from analytics_pipeline_tests.support.postgres import Postgres

WHOLE = [("2026-11-01", 1), ("2026-11-02", 3), ("2026-11-03", 3)]


@pytest.fixture
def pipeline(start_pipeline: StartPipeline, postgres: Postgres, tmp_path: Path) -> Pipeline:
    """A pipeline with an empty bucket and a lake."""
    dsn = postgres.dsn(postgres.new_database())
    return start_pipeline(
        ANALYTICS_WAREHOUSE=f"ducklake:postgres:{dsn}", ANALYTICS_WAREHOUSE_DATA=str(tmp_path)
    )


@pytest.fixture
def older(pipeline: Pipeline, postgres: Postgres) -> Path:
    """A dump of the lake with two of three days, the second of which was rewritten since."""
    _load(pipeline, "2026-11-01", "2026-11-02")
    dump = postgres.dump(database_of(pipeline.settings))
    _load(pipeline, "2026-11-02", "2026-11-03", rows=3)
    assert pipeline.tick().skip_reason.skip_message.startswith("All 3 delivered files are loaded")
    return dump


def _load(pipeline: Pipeline, *days: str, rows: int = 1) -> None:
    for day in days:
        pipeline.vocareum.put(*lab_sessions(day, rows))
    pipeline.tick_and_load()


def _days(pipeline: Pipeline) -> list[tuple[str, int]]:
    with warehouse_of(pipeline.settings).read() as connection:
        return connection.execute(
            "SELECT partition, rows FROM ops.loaded_files ORDER BY 1"
        ).fetchall()


def _publish(pipeline: Pipeline) -> Published:
    with warehouse_of(pipeline.settings).open() as connection:
        return publish(connection, pipeline.settings.published_path, pii=False, without_marts=True)


@pytest.mark.thorough
def test_the_sensor_alone_completes_an_older_lake_and_publishing_says_so(
    pipeline: Pipeline, older: Path, postgres: Postgres
) -> None:
    assert _publish(pipeline).withheld == []
    postgres.restore(database_of(pipeline.settings), older)
    assert _days(pipeline) == [("2026-11-01", 1), ("2026-11-02", 1)]
    [line] = _publish(pipeline).withheld
    assert line.startswith("Published from an older warehouse: for 2 files")
    pipeline.vocareum.clear_requests()
    assert [run.success for run in pipeline.tick_and_run()] == [True]
    assert _days(pipeline) == WHOLE
    assert not pipeline.tick().run_requests, "what is compared once is believed again"
    assert pipeline.tick().skip_reason.skip_message.startswith("All 3 delivered files are loaded")


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["1 year", "-1 year"])
def test_a_restored_lake_is_completed_once_whatever_the_clock_of_postgresql_says(
    pipeline: Pipeline, older: Path, postgres: Postgres, clock: str
) -> None:
    database = database_of(pipeline.settings)
    postgres.restore(database, older)
    assert WarehouseResource.of(pipeline.settings).detect_replacement() == REPLACED
    moved = f"UPDATE org9001.pipeline_state SET at = at + INTERVAL '{clock}' WHERE is_replaced"
    postgres.execute(database, moved)
    pipeline.tick_and_run()
    assert _days(pipeline) == WHOLE
    assert not pipeline.tick().run_requests


@pytest.mark.slow
def test_a_replacement_that_an_earlier_release_recorded_in_a_lake_is_compared_by_its_time(
    pipeline: Pipeline, older: Path, postgres: Postgres
) -> None:
    database = database_of(pipeline.settings)
    postgres.execute(
        database,
        "INSERT INTO org9001.pipeline_state (state, at, is_replaced)"
        " VALUES (gen_random_uuid(), now() - INTERVAL '1 year', TRUE)",
    )
    assert not pipeline.tick().run_requests, "everything was loaded since"
    postgres.execute(database, "UPDATE org9001.pipeline_state SET at = now() + INTERVAL '1 hour'")
    pipeline.tick_and_run()
    assert not pipeline.tick().run_requests, "what is compared once is believed again"


@pytest.mark.slow
def test_sync_says_so_and_completes_an_older_lake(
    pipeline: Pipeline, older: Path, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    postgres.restore(database_of(pipeline.settings), older)
    warehouse = warehouse_of(pipeline.settings)
    assert warehouse.replaced_at() == 0
    todo = make_plan(pipeline.settings, Selection())
    assert (len(todo.new), len(todo.changed), len(todo.unchanged)) == (1, 1, 1)
    assert warehouse.replaced_at() > 0
    assert caplog.text.count(REPLACED) == 1
    done = sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo)
    assert not done.failed_runs
    assert _days(pipeline) == WHOLE
    assert not pipeline.tick().run_requests
