"""Commands and listings that remove a failure tell Dagster in the same step, without a run."""

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.ingest.plan import Selection
from analytics_pipeline.orchestration import sync as engine
from analytics_pipeline.orchestration.asset_keys import ALONE
from analytics_pipeline.orchestration.raw.recheck import report_settled_checks
from analytics_pipeline.orchestration.runs.run_records import known_runs
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions
from analytics_pipeline_tests.support.webhook import Webhook

TABLE = "raw.lab_sessions"


@pytest.fixture
def pipeline(
    start_pipeline: StartPipeline, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> Pipeline:
    """Return a pipeline on disk that has loaded one day."""
    pipeline = start_pipeline(on_disk=True, ALERT_WEBHOOK_URL=webhook.url)
    monkeypatch.setenv("DAGSTER_HOME", str(pipeline.settings.dagster_home))
    pipeline.vocareum.put(*lab_sessions("2026-11-01"))
    pipeline.tick_and_load()
    return pipeline


def sync(pipeline: Pipeline) -> engine.Synced:
    todo = engine.make_plan(pipeline.settings, Selection())
    return engine.sync(pipeline.settings, pipeline.definitions, pipeline.instance, todo)


def told(webhook: Webhook) -> list[str]:
    """Return the alerts about missing files; the old days of this test are stale, too."""
    return [text for text in webhook.texts if "nothing_lost" in text]


def runs_of(pipeline: Pipeline, asset: str) -> int:
    return sum(asset in run.assets for run in known_runs(pipeline.instance, ALONE))


def recorded(pipeline: Pipeline, name: str) -> bool:
    """Return whether a check passed according to `ops.checks`."""
    sql = f"SELECT passed FROM ops.checks WHERE name = '{name}' AND subject = '{TABLE}'"
    ((passed,),) = pipeline.rows(sql)
    return bool(passed)


@pytest.mark.thorough
def test_closing_a_file_that_is_gone_turns_its_check_green_and_ends_the_alert(
    pipeline: Pipeline, webhook: Webhook
) -> None:
    key, body = lab_sessions("2026-11-02")
    pipeline.vocareum.put(key, body)
    pipeline.tick_and_load()
    pipeline.vocareum.delete(key)
    assert not sync(pipeline).results
    assert not pipeline.check(TABLE, "nothing_lost").passed, "no run has told it"
    pipeline.tick("alerts")
    (opened,) = told(webhook)
    assert f"{TABLE} nothing_lost failed" in opened and "no longer delivered" in opened

    loads = runs_of(pipeline, TABLE)
    close = ["close", "--dataset", "lab_sessions", "--partition", "2026-11-02"]
    assert CliRunner().invoke(app, close).exit_code == 0
    assert pipeline.check(TABLE, "nothing_lost").passed
    assert recorded(pipeline, "nothing_lost")
    assert runs_of(pipeline, TABLE) == loads, "no file was loaded for it"
    pipeline.tick("alerts")
    (resolved,) = told(webhook)[1:]
    assert f"Resolved: {TABLE} nothing_lost" in resolved


def test_a_failed_file_that_is_withdrawn_turns_its_check_green(pipeline: Pipeline) -> None:
    key, _ = lab_sessions("2026-11-02")
    pipeline.vocareum.put(key, b"<html>502 Bad Gateway</html>")
    assert [run.success for run in pipeline.tick_and_run()] == [False]
    assert not pipeline.check(TABLE, "schema").passed and not recorded(pipeline, "schema")
    pipeline.vocareum.delete(key)
    settle(pipeline)
    assert pipeline.rows("SELECT count(*) FROM ops.failed_files") == [(0,)]
    assert pipeline.check(TABLE, "schema").passed and recorded(pipeline, "schema")
    reported = evaluations(pipeline)
    settle(pipeline)
    assert evaluations(pipeline) == reported, "a check that did not change is not reported again"


def settle(pipeline: Pipeline) -> None:
    """List the bucket and settle the checks, as `sync` does before it rebuilds."""
    engine.make_plan(pipeline.settings, Selection())
    with open_warehouse(pipeline.settings.warehouse_path) as connection:
        report_settled_checks(pipeline.instance, ALONE, connection, warehouse_now())


def evaluations(pipeline: Pipeline) -> int:
    storage = pipeline.instance.event_log_storage
    checks = pipeline.definitions.get_repository_def().asset_graph.asset_check_keys
    return sum(len(storage.get_asset_check_execution_history(check, limit=99)) for check in checks)
