"""The models, the published file and the report follow loads, by the daemon's conditions."""

from typing import Any

import dagster as dg
import duckdb
import pytest

from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.runs.in_process import execute
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project
from analytics_pipeline_tests.orchestration.conftest import DAY, Pipeline


def build(pipeline: Pipeline, keys: list[dg.AssetKey]) -> dg.ExecuteInProcessResult:
    return execute(pipeline.definitions, pipeline.instance, ALONE, keys, {}, {})


@pytest.mark.thorough
def test_the_daemon_rebuilds_the_models_downstream_of_a_load_and_publishes(
    loaded: Pipeline,
) -> None:
    first = dg.evaluate_automation_conditions(loaded.definitions, loaded.instance)
    asked = {
        key
        for key in (ALONE.model_key(name) for name in load_project().models)
        if first.get_num_requested(key)
    }
    assert asked == {ALONE.model_key(name) for name in load_project().models}, (
        "models that were never built are not asked for"
    )
    assert first.get_num_requested(ALONE.published) == 1
    build(loaded, [*asked, ALONE.published, ALONE.report])
    idle = dg.evaluate_automation_conditions(
        loaded.definitions, loaded.instance, cursor=first.cursor
    )
    assert idle.total_requested == 0, "nothing was loaded since"
    loaded.instance.report_runless_asset_event(
        dg.AssetMaterialization(dg.AssetKey(["raw", "grades"]))
    )
    after = dg.evaluate_automation_conditions(
        loaded.definitions, loaded.instance, cursor=idle.cursor
    )
    assert after.get_num_requested(ALONE.model_key("marts.assignment_scores")) == 1
    assert after.get_num_requested(ALONE.published) == 1
    assert after.get_num_requested(ALONE.model_key("marts.part_lineage")) == 0


@pytest.mark.thorough
def test_the_daemon_publishes_again_when_the_privacy_setting_changed(loaded: Pipeline) -> None:
    asked = [ALONE.model_key(name) for name in load_project().models]
    cursor: Any = None

    def requested(settings: Settings) -> Any:
        nonlocal cursor
        definitions = build_definitions(settings, clock=loaded.clock)
        result = dg.evaluate_automation_conditions(definitions, loaded.instance, cursor=cursor)
        cursor = result.cursor
        return result

    private = loaded.settings.model_copy(update={"publish_pii": True})
    assert requested(private).get_num_requested(ALONE.published) == 1
    build(loaded, [*asked, ALONE.published, ALONE.report])
    assert requested(private).total_requested == 0
    after = requested(loaded.settings)
    assert after.get_num_requested(ALONE.published) == 1
    assert not any(after.get_num_requested(key) for key in asked)
    build(loaded, [ALONE.published, ALONE.report])
    assert requested(loaded.settings).total_requested == 0


@pytest.mark.thorough
def test_the_daemon_publishes_that_a_file_failed_although_nothing_was_loaded(
    loaded: Pipeline,
) -> None:
    key = f"org9001/lab_sessions/lab_sessions_{DAY}.csv"
    completeness = ALONE.model_key("marts.data_completeness")

    def requested(cursor: Any = None) -> Any:
        return dg.evaluate_automation_conditions(loaded.definitions, loaded.instance, cursor=cursor)

    first = requested()
    models = [ALONE.model_key(name) for name in load_project().models]
    build(loaded, [*models, ALONE.published, ALONE.report])
    idle = requested(first.cursor)
    loaded.vocareum.put(key, b"no,sessions\n1,2\n")
    assert [run.success for run in loaded.tick_and_run()] == [False]
    after = requested(idle.cursor)
    assert after.get_num_requested(completeness) == after.get_num_requested(ALONE.published) == 1
    assert after.get_num_requested(ALONE.model_key("marts.assignment_scores")) == 0
    build(loaded, [completeness, ALONE.published])
    with duckdb.connect(str(loaded.settings.published_path), read_only=True) as published:
        assert published.execute("SELECT source_key FROM ops.failed_files").fetchall() == [(key,)]
        assert published.execute(
            """SELECT loaded, newest_failed FROM marts.data_completeness
               WHERE dataset = 'lab_sessions' AND period = $1""",
            [DAY],
        ).fetchall() == [(True, True)]
