"""A living daemon whose sensor fails, is silent or switched off loads nothing: `status` says so."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance
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
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from analytics_pipeline.orchestration.dagster_files import DAEMON_LOCK
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.notifier import NotSent
from analytics_pipeline.orchestration.sensor_faults import failed_tick, silent_sensor
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.cli.conftest import Run

CAUSE = SerializableErrorInfo("KeyError: 'cursor'\n  more of it\n", [], "KeyError")
ERROR = SerializableErrorInfo("SensorExecutionError: Error occurred", [], "Error", cause=CAUSE)


class Sensors:
    """Ticks of sensors in a Dagster instance, stored by Dagster."""

    def __init__(self, instance: DagsterInstance) -> None:
        self.instance = instance
        self.at = time.time() - 3_600

    def tick(
        self,
        status: TickStatus,
        location: str = "one",
        name: str = "missing_partitions",
        error: SerializableErrorInfo = ERROR,
    ) -> None:
        """Store a tick, a minute later than all others; the first one is an hour old."""
        self.at += 60
        state = self._state(location, name, InstigatorStatus.DECLARED_IN_CODE)
        if not self.instance.get_instigator_state(state.instigator_origin_id, state.selector_id):
            self.instance.add_instigator_state(state)
        self.instance.create_tick(
            TickData(
                state.instigator_origin_id,
                name,
                InstigatorType.SENSOR,
                status,
                self.at,
                run_ids=[],
                error=error if status is TickStatus.FAILURE else None,
                selector_id=state.selector_id,
            )
        )

    def switch(
        self, status: InstigatorStatus, location: str = "one", name: str = "missing_partitions"
    ) -> None:
        """Switch a sensor that has had a tick off or on, as the UI does."""
        self.instance.update_instigator_state(self._state(location, name, status))

    def beat(self, age: float = 0) -> None:
        """Store a heartbeat of the daemon (age in seconds)."""
        self.instance.add_daemon_heartbeat(
            DaemonHeartbeat(time.time() - age, "SENSOR", "daemon", [])
        )

    def _state(self, location: str, name: str, status: InstigatorStatus) -> InstigatorState:
        repository = RemoteRepositoryOrigin(
            RegisteredCodeLocationOrigin(location), "__repository__"
        )
        return InstigatorState(
            RemoteInstigatorOrigin(repository, name),
            InstigatorType.SENSOR,
            status,
            SensorInstigatorData(min_interval=900),
        )


@pytest.fixture
def sensors(run: Run, data: Path) -> Iterator[Sensors]:
    with open_instance(load_settings()) as instance:
        yield Sensors(instance)


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
    found = run("status", "--json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["complete"]) == (1, False)
    tick = document["daemon"]["failed_tick"]
    assert (tick["error"], "`analytics-pipeline sync`" in tick["remedy"]) == (
        "KeyError: 'cursor'",
        True,
    )
    doctor = run("doctor")
    assert (doctor.exit_code, said in doctor.stderr) == (1, True), doctor.output


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
    found = json.loads(run("status", "--json").stdout)
    alerts = found["daemon"]["failed_alerts"]
    assert (found["complete"], found["daemon"]["failed_tick"]) == (False, None)
    assert set(alerts) == {"sensor", "at", "since", "error", "remedy"}
    assert (alerts["sensor"], alerts["since"]) == ("alerts", since.isoformat())
    assert (alerts["error"], "Automation, alerts" in alerts["remedy"]) == (said, True)
    sensors.switch(InstigatorStatus.STOPPED, name="alerts")
    assert (run("status").exit_code, run("doctor").exit_code) == (0, 0)


def test_a_sensor_that_a_living_daemon_does_not_evaluate_is_a_fault(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    """It is evaluated every 15 minutes, and an evaluation takes no more than 15."""
    sensors.tick(TickStatus.SKIPPED)
    sensors.tick(TickStatus.STARTED)
    since = f"{datetime.fromtimestamp(sensors.at, UTC):%Y-%m-%d %H:%M} UTC"
    sensors.beat()
    said = f"has not evaluated its sensor missing_partitions since {since}, so nothing is loaded"
    status = run("status")
    assert (status.exit_code, said in status.stderr) == (1, True), status.output
    assert "Incomplete: Dagster's sensor does not work, see above." in status.output
    document = json.loads(run("status", "--json").stdout)
    silent = document["daemon"]["silent_sensor"]
    assert (document["complete"], "code location" in silent["remedy"]) == (False, True)
    doctor = run("doctor")
    assert (doctor.exit_code, said in doctor.stderr) == (1, True), doctor.output
    assert run("status", FEED_POLL_SECONDS="3600").exit_code == 0, "it waits longer between two"
    for _ in range(30):
        sensors.tick(TickStatus.SKIPPED)
    status = run("status")
    assert (status.exit_code, "missing_partitions" in status.output) == (0, False), status.output


@pytest.mark.parametrize(
    ("newest", "lock", "is_silent"),
    [
        (None, None, False),  # it is not known since when the daemon runs
        (None, -3_600, True),  # its first evaluation is overdue
        (None, -60, False),
        (-86_400, -60, False),  # it has just started again
        (-86_400, -3_600, True),
        (-60, -86_400, False),
        (86_400, -3_600, True),  # by a clock that was ahead
        (86_400, -60, False),
    ],
)
def test_an_evaluation_is_overdue_from_the_newest_one_or_the_daemons_start(
    sensors: Sensors, data: Path, newest: int | None, lock: int | None, is_silent: bool
) -> None:
    home, now = data / "dagster", time.time()
    if newest is not None:
        sensors.at = now + newest - 60
        sensors.tick(TickStatus.SUCCESS)
    if lock is not None:
        (home / DAEMON_LOCK).touch()
        os.utime(home / DAEMON_LOCK, (now + lock, now + lock))
    found = silent_sensor(home, "", datetime.fromtimestamp(now, UTC), timedelta(minutes=15))
    assert (found is not None) == is_silent


def test_a_sensor_that_was_switched_off_is_named_and_is_no_fault(
    run: Run, synced: Path, sensors: Sensors
) -> None:
    for name in ("missing_partitions", "alerts", "old_runs"):
        sensors.tick(TickStatus.SKIPPED, name=name)
        sensors.switch(InstigatorStatus.STOPPED, name=name)
    assert "Switched off" not in run("status").output, "the daemon is stopped"
    sensors.beat()
    said = (
        "Switched off in the Dagster UI: missing_partitions (nothing is loaded automatically),"
        " alerts (no alert is sent)."
    )
    for command in ("status", "doctor"):
        result = run(command)
        assert (result.exit_code, said in result.stderr) == (0, True), result.output
    daemon = json.loads(run("status", "--json").stdout)["daemon"]
    assert daemon["switched_off"] == ["missing_partitions", "alerts"]
    sensors.tick(TickStatus.SKIPPED)
    for name in ("missing_partitions", "alerts"):
        sensors.switch(InstigatorStatus.RUNNING, name=name)
    sensors.at = time.time()
    sensors.tick(TickStatus.SKIPPED)
    status = run("status")
    assert (status.exit_code, "Switched off" in status.output) == (0, False), status.output


@pytest.mark.parametrize("database", ["history/runs.db", "schedules/schedules.db"])
def test_records_that_cannot_be_read_are_no_stopped_daemon_and_no_working_sensor(
    run: Run, synced: Path, sensors: Sensors, database: str
) -> None:
    sensors.at = time.time()
    sensors.tick(TickStatus.SKIPPED)
    sensors.beat()
    file = synced / "dagster" / database
    said = f"Whether Dagster's daemon works is unknown, as {file} can't be read: "
    aside = file.rename(file.with_name("aside"))
    file.mkdir()
    status, doctor, document = run("status"), run("doctor"), run("status", "--json").stdout
    restore = run("restore", str(synced.parent / "backup"))
    file.rmdir()
    aside.rename(file)
    for result in (status, doctor):
        assert (result.exit_code, said in result.stderr) == (1, True), result.output
    assert "Dagster's daemon: unknown" in status.output
    assert "Incomplete: it is unknown whether Dagster's daemon works" in status.output
    assert said in json.loads(document)["daemon"]["unreadable"]
    if database == "history/runs.db":
        assert restore.exit_code == 2, restore.output
        assert "no backup" not in restore.output, "it is refused before it looks for one"
    assert run("status").exit_code == 0


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
    tick = json.loads(run("status", "--json").stdout)["daemon"]["failed_tick"]
    assert tick["sensor"] == "models_follow_loads"
    sensors.tick(TickStatus.SKIPPED, name="models_follow_loads")
    assert run("status").exit_code == 0
