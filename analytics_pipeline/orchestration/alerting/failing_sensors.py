"""Find sensors that keep failing. No run and no check shows that."""

from collections.abc import Iterator

import dagster as dg

from analytics_pipeline.orchestration.alerting.incidents import FailingCheck
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.sensor_faults import MODELS, SENSOR, WORK, what_to_do

FAILED = 5
"""Number of failed evaluations in a row that are an incident. One alone may be an accident."""
_READ = 4 * FAILED
"""Number of ticks to read. Dagster returns the newest by time, but a clock may have been wrong."""


def failing_sensors(instance: dg.DagsterInstance, location: Location) -> Iterator[FailingCheck]:
    """Yield the sensors of a code location that load or publish, and whose last evaluations failed.

    A sensor that is switched off does not fail. The text does not quote the error: an error of a
    library may hold data.
    """
    if instance.schedule_storage is None:  # an instance in memory records no tick
        return
    for state in instance.all_instigator_state():
        place = state.origin.repository_origin.code_location_origin.location_name
        is_ours = state.name in (SENSOR, MODELS) and location.prefix in ("", place)
        if not is_ours or state.status.value == "STOPPED":
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=_READ)
        ended = [
            tick.status.value
            for tick in sorted(ticks, key=lambda tick: tick.tick_id, reverse=True)
            if tick.status.value != "STARTED"
        ]
        if ended[:FAILED] == ["FAILURE"] * FAILED:
            text = f"The last {FAILED} evaluations failed, so {WORK[state.name]}."
            yield FailingCheck("sensor", state.name, f"{text} {what_to_do(state.name)}", "")
