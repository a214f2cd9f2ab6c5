"""Ticks of sensors and heartbeats of the daemon, stored by Dagster as a daemon stores them."""

import time

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
