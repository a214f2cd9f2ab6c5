"""A sensor that fails under a living daemon loads nothing: `status` and `doctor` show the error."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus
from dagster._utils.error import SerializableErrorInfo

from analytics_pipeline.orchestration.notifier import NotSent
from analytics_pipeline.orchestration.sensor_faults import failed_tick
from analytics_pipeline_tests.cli.conftest import Run, status_json
from analytics_pipeline_tests.support.sensor_ticks import Sensors


@pytest.fixture
def error(data: Path) -> Callable[..., str | None]:
    """Return the error of the newest tick, if it failed."""

    def read(location: str = "") -> str | None:
        tick = failed_tick(data / "dagster", location)
        return tick and tick.error

    return read


def test_only_a_failure_of_the_newest_tick_that_ended_counts(
    sensors: Sensors, error: Callable[..., str | None]
) -> None:
    assert error() is None
    sensors.tick(TickStatus.FAILURE, name="old_runs")
    assert error() is None
    sensors.tick(TickStatus.FAILURE)
    assert error() == "KeyError: 'cursor'"
    sensors.tick(TickStatus.STARTED)
    assert error() == "KeyError: 'cursor'"
    sensors.tick(TickStatus.SKIPPED)
    assert error() is None
    sensors.tick(TickStatus.FAILURE)
    sensors.tick(TickStatus.SUCCESS)
    assert error() is None
    sensors.tick(TickStatus.FAILURE)
    sensors.switch(InstigatorStatus.STOPPED)
    assert error() is None


def test_an_organisation_sees_its_own_sensor(
    sensors: Sensors, error: Callable[..., str | None]
) -> None:
    sensors.tick(TickStatus.FAILURE, "org1")
    sensors.tick(TickStatus.SKIPPED, "org2")
    assert (error("org1"), error("org2"), error("org3")) == ("KeyError: 'cursor'", None, None)


def test_status_and_doctor_show_the_error_while_the_daemon_is_alive(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    sensors.tick(TickStatus.FAILURE)
    sensors.beat(age=600)
    stopped = run("status")
    assert (stopped.exit_code, "Complete." in stopped.output) == (0, True), stopped.output
    sensors.beat()
    said = "so nothing is loaded automatically: KeyError: 'cursor'. The Dagster UI shows the full"
    status = run("status")
    assert (status.exit_code, said in status.stderr) == (1, True), status.output
    assert "Dagster's daemon: alive." in status.output
    assert "Incomplete: Dagster's sensor does not work, see above." in status.output
    code, document = status_json(run)
    assert (code, document["complete"]) == (1, False)
    tick = document["daemon"]["failed_tick"]
    assert (tick["error"], "`analytics-pipeline sync`" in tick["remedy"]) == (
        "KeyError: 'cursor'",
        True,
    )
    doctor = run("doctor")
    assert (doctor.exit_code, said in doctor.stderr) == (1, True), doctor.output


def test_a_failing_sensor_of_the_models_is_a_fault_too(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    sensors.at = time.time()
    sensors.tick(TickStatus.SKIPPED)
    sensors.tick(TickStatus.FAILURE, name="models_follow_loads")
    sensors.beat()
    said = "so loads change no model, and nothing is published: "
    for command in ("status", "doctor"):
        result = run(command)
        assert (result.exit_code, said in result.stderr) == (1, True), result.output
    tick = status_json(run)[1]["daemon"]["failed_tick"]
    assert tick["sensor"] == "models_follow_loads"
    sensors.tick(TickStatus.SKIPPED, name="models_follow_loads")
    assert run("status").exit_code == 0


def test_status_and_doctor_show_that_alerts_reach_nobody_while_the_daemon_is_alive(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    said = "The webhook can't be reached. Check ALERT_WEBHOOK_URL."
    cause = SerializableErrorInfo(f"{NotSent.__module__}.NotSent: {said}\n", [], "NotSent")
    error = SerializableErrorInfo("SensorExecutionError: Error occurred", [], "E", cause=cause)
    sensors.tick(TickStatus.FAILURE, name="alerts", error=error)
    sensors.tick(TickStatus.SKIPPED, name="alerts")
    since = datetime.fromtimestamp(sensors.at + 60, UTC)
    for status in (TickStatus.FAILURE, TickStatus.FAILURE, TickStatus.STARTED):
        sensors.tick(status, name="alerts", error=error)
    assert "Alerts" not in run("status").output, "the daemon is stopped"
    sensors.beat()
    shown = f"Alerts have not reached every recipient since {since:%Y-%m-%d %H:%M} UTC: {said} The"
    for command in ("status", "doctor"):
        result = run(command)
        assert (result.exit_code, shown in result.stderr) == (1, True), result.output
    assert "Incomplete: not every recipient gets the alerts, see above." in run("status").output
    found = status_json(run)[1]
    alerts = found["daemon"]["failed_alerts"]
    assert (found["complete"], found["daemon"]["failed_tick"]) == (False, None)
    assert set(alerts) == {"sensor", "at", "since", "error", "remedy"}
    assert (alerts["sensor"], alerts["since"]) == ("alerts", since.isoformat())
    assert (alerts["error"], "Automation, alerts" in alerts["remedy"]) == (said, True)
    sensors.switch(InstigatorStatus.STOPPED, name="alerts")
    assert (run("status").exit_code, run("doctor").exit_code) == (0, 0)
