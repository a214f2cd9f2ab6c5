"""The sensor `alerts`, posting to a real HTTP server on loopback."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.models.published_assets import WHOLE
from analytics_pipeline.orchestration.sensor_faults import WORK
from analytics_pipeline.orchestration.sync import rebuild
from analytics_pipeline.sql_models import project
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline_tests.orchestration.conftest import Pipeline, StartPipeline, lab_sessions
from analytics_pipeline_tests.support.clocks import machine_ahead
from analytics_pipeline_tests.support.today import TODAY
from analytics_pipeline_tests.support.webhook import Webhook

BAD = b"<html>502 Bad Gateway</html>"
FIRST, SECOND, THIRD = (f"{TODAY - timedelta(days=back)}" for back in (3, 2, 1))


@pytest.fixture
def pipeline(start_pipeline: StartPipeline, webhook: Webhook) -> Pipeline:
    return start_pipeline(ALERT_WEBHOOK_URL=webhook.url)


def test_an_incident_is_reported_once_when_it_opens_and_once_when_resolved(
    pipeline: Pipeline, vocareum: DemoVocareum, webhook: Webhook
) -> None:
    vocareum.put(*lab_sessions(FIRST))
    pipeline.tick_and_run()
    pipeline.tick("alerts")
    assert webhook.texts == []

    vocareum.put(lab_sessions(SECOND)[0], BAD)
    vocareum.put(lab_sessions(THIRD)[0], BAD)
    (failed,) = pipeline.tick_and_run()
    pipeline.tick("alerts")
    pipeline.tick("alerts")
    (text,) = webhook.texts
    for part in (
        f"raw.lab_sessions ({THIRD}, {SECOND})",
        "2 of 2 files",
        "HTML",
        f"/runs/{failed.run_id}",
    ):
        assert part in text

    pipeline.clock.move(minutes=16)
    pipeline.tick_and_run()  # fails again
    vocareum.put(*lab_sessions(SECOND))
    pipeline.tick_and_run()  # one of the two recovers
    pipeline.tick("alerts")
    assert len(webhook.texts) == 1

    vocareum.put(*lab_sessions(THIRD))
    pipeline.clock.move(minutes=16)
    pipeline.tick_and_run()
    pipeline.tick("alerts")
    pipeline.tick("alerts")
    assert [text[:28] for text in webhook.texts[1:]] == [":white_check_mark: Resolved:"]


def test_an_incident_that_opened_while_the_clock_was_ahead_is_resolved_by_the_next_good_run(
    pipeline: Pipeline, vocareum: DemoVocareum, webhook: Webhook
) -> None:
    vocareum.put(lab_sessions(FIRST)[0], BAD)
    with machine_ahead(days=40):
        pipeline.tick_and_run()
    pipeline.tick("alerts")
    assert len(webhook.texts) == 1
    vocareum.put(*lab_sessions(FIRST))
    pipeline.tick_and_load()
    pipeline.tick("alerts")
    assert [text[:28] for text in webhook.texts[1:]] == [":white_check_mark: Resolved:"]


@pytest.mark.thorough
def test_a_file_that_is_gone_is_reported_while_another_one_fails(
    pipeline: Pipeline, vocareum: DemoVocareum, webhook: Webhook
) -> None:
    vocareum.put(*lab_sessions(FIRST))
    vocareum.put(*lab_sessions(SECOND))
    pipeline.tick_and_load()
    vocareum.put(lab_sessions(THIRD)[0], BAD)
    pipeline.tick_and_run()
    pipeline.tick("alerts")
    vocareum.delete(lab_sessions(FIRST)[0])
    pipeline.clock.move(minutes=16)
    pipeline.tick_and_run()
    pipeline.tick("alerts")
    _, gone = webhook.texts
    assert "raw.lab_sessions nothing_lost failed" in gone and "no longer delivered" in gone

    vocareum.put(*lab_sessions(THIRD))
    pipeline.clock.move(minutes=16)
    pipeline.tick_and_load()
    pipeline.tick("alerts")
    (resolved,) = webhook.texts[2:]
    assert ":white_check_mark: Resolved: raw.lab_sessions (failing since" in resolved


def test_a_version_that_is_held_back_is_one_message(
    pipeline: Pipeline, vocareum: DemoVocareum, webhook: Webhook
) -> None:
    vocareum.put(*lab_sessions(SECOND, rows=9))
    pipeline.tick_and_load()
    vocareum.put(*lab_sessions(SECOND, rows=1))
    (held,) = pipeline.tick_and_run()
    assert not held.success
    assert not pipeline.check("raw.lab_sessions", "nothing_lost").passed
    pipeline.tick("alerts")
    assert [SECOND in text for text in webhook.texts] == [True]


@pytest.mark.parametrize("name", ["missing_partitions", "models_follow_loads"])
def test_a_sensor_that_keeps_failing_is_one_message_and_one_when_it_works(
    start_pipeline: StartPipeline, webhook: Webhook, name: str
) -> None:
    pipeline = start_pipeline(on_disk=True, ALERT_WEBHOOK_URL=webhook.url)
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("one"), "__repository__")
    origin = RemoteInstigatorOrigin(repository, name)
    state = InstigatorState(
        origin,
        InstigatorType.SENSOR,
        InstigatorStatus.DECLARED_IN_CODE,
        SensorInstigatorData(min_interval=60),
    )
    pipeline.instance.add_instigator_state(state)
    failed = TickStatus.FAILURE

    def tick(*statuses: TickStatus) -> list[str]:
        for status in statuses:
            pipeline.clock.move(minutes=1)
            kind, at = InstigatorType.SENSOR, pipeline.clock().timestamp()
            error = SerializableErrorInfo("a cell", [], None) if status is failed else None
            data = TickData(origin.get_id(), name, kind, status, at, error=error)
            pipeline.instance.create_tick(data._replace(selector_id=state.selector_id))
        pipeline.tick("alerts")
        return webhook.texts

    assert tick(failed, failed, TickStatus.SKIPPED, failed, failed, failed, failed) == []
    (said,) = tick(failed, TickStatus.STARTED)
    assert f"sensor {name} failed" in said and WORK[name] in said and "a cell" not in said
    assert tick(failed) == [said]
    assert f"Resolved: sensor {name} " in tick(TickStatus.SKIPPED)[1]
    pipeline.instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    assert len(tick(*[failed] * 5)) == 2, "it is switched off"


@pytest.mark.thorough
def test_withdrawing_a_bad_version_turns_check_partition_and_asset_green_and_resolves_the_alert(
    pipeline: Pipeline, vocareum: DemoVocareum, webhook: Webhook
) -> None:
    """Its version is loaded already: nothing is to be fetched, but the failure is resolved."""
    vocareum.put(*lab_sessions(SECOND))
    pipeline.tick_and_run()
    vocareum.put(lab_sessions(SECOND)[0], BAD)
    (failed,) = pipeline.tick_and_run()
    assert not failed.success
    pipeline.tick("alerts")
    assert not pipeline.check("raw.lab_sessions", "schema").passed
    vocareum.put(*lab_sessions(SECOND))
    (told,) = pipeline.tick_and_run()
    assert told.success
    assert [event.partition for event in told.get_asset_materialization_events()] == [SECOND], (
        "it stays failed in the UI"
    )
    assert pipeline.check("raw.lab_sessions", "schema").passed
    assert pipeline.rows("SELECT count(*) FROM ops.failed_files") == [(0,)]
    assert pipeline.rows(
        "SELECT count(*) FROM ops.checks WHERE severity = 'ERROR' AND NOT passed"
    ) == [(0,)]
    pipeline.tick("alerts")
    pipeline.tick("alerts")
    assert [text[:28] for text in webhook.texts[1:]] == [":white_check_mark: Resolved:"]
    assert pipeline.tick_and_run() == [], "it is said once"


@pytest.mark.slow
def test_a_failing_model_test_is_reported_once_and_resolved_once(
    start_pipeline: StartPipeline,
    vocareum: DemoVocareum,
    webhook: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = tmp_path / "models"
    shutil.copytree(default_folder(), models)
    text = (
        "-- Nobody is the third. If it fails, look.\nSELECT user_id FROM marts.lab_sessions WHERE"
        " user_id = 3"
    )
    (models / "tests" / "nobody_is_the_third.sql").write_text(text)
    monkeypatch.setattr(project, "default_folder", lambda: models)
    pipeline = start_pipeline(ALERT_WEBHOOK_URL=webhook.url)

    def load_and_build(rows: int) -> None:
        vocareum.put(*lab_sessions(SECOND, rows))
        pipeline.tick_and_load()
        built = rebuild(pipeline.settings, pipeline.definitions, pipeline.instance, lambda: None)
        assert built and built.success
        for _ in range(2):
            pipeline.tick("alerts")

    load_and_build(rows=3)
    (told,) = webhook.texts
    assert "nobody_is_the_third" in told and "If it fails, look." in told
    withheld = pipeline.check("published.analytics", WHOLE)
    assert not withheld.passed and "marts.lab_sessions" in withheld.description
    load_and_build(rows=2)
    assert [text[:28] for text in webhook.texts[1:]] == [":white_check_mark: Resolved:"]
    assert pipeline.check("published.analytics", WHOLE).passed
