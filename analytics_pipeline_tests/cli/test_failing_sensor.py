"""A daemon that is alive, but whose sensor fails at each tick, loads nothing: `status` says so."""

import json
import time
from collections.abc import Callable, Iterator
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

from analytics_pipeline.orchestration.dagster_files import failed_tick
from analytics_pipeline.orchestration.instance import open_instance
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
        self, status: TickStatus, location: str = "one", name: str = "missing_partitions"
    ) -> None:
        """Store a tick, later than all others."""
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
                error=ERROR if status is TickStatus.FAILURE else None,
                selector_id=state.selector_id,
            )
        )

    def switch_off(self) -> None:
        """Switch the sensor off, as the UI does."""
        state = self._state("one", "missing_partitions", InstigatorStatus.STOPPED)
        self.instance.update_instigator_state(state)

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
    sensors.switch_off()
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
    assert "Incomplete: Dagster's sensor fails, see above." in status.output
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
