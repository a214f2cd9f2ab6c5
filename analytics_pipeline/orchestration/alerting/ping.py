"""The sensor that pings a monitoring service while the daemon does its work.

A stopped daemon, a broken code location or a dead machine can send no alert. Then the pings stop,
and the service raises the alarm.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.dagster_private import InstigatorState, InstigatorTick
from analytics_pipeline.orchestration.pinger import Pinger
from analytics_pipeline.orchestration.sensor_faults import OFF, PING, WORK, evaluation_limit
from analytics_pipeline.storage.clock import Clock

INTERVAL_SECONDS = 300


def ping(location: Location, poll_interval: timedelta, clock: Clock) -> dg.SensorDefinition:
    """Return the sensor. Its tick fails if the service does not accept the ping.

    Args:
        location: its code location.
        poll_interval: longest time between two evaluations of a sensor in `WORK`.
        clock: UTC.
    """

    @dg.sensor(
        name=PING,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests PING_URL while the sensors that load, rebuild and send alerts work, and no"
            " schedule is switched off. If the requests stop, the monitoring service at that"
            " address raises an alarm."
        ),
    )
    def sense(
        context: dg.SensorEvaluationContext, pinger: dg.ResourceParam[Pinger]
    ) -> dg.SkipReason:
        location.require_name(context)
        if not pinger.is_set:
            return dg.SkipReason("PING_URL is not set, so no monitoring service is pinged.")
        origin = context.code_location_origin
        fault = not_working(
            context.instance,
            origin.location_name if origin else "",
            clock(),
            evaluation_limit(poll_interval),
            # The daemon evaluates all sensors for the first time at once.
            is_first=context.last_tick_completion_time is None,
        )
        if fault:
            return dg.SkipReason(f"No ping, so that the monitoring service notices: {fault}")
        pinger.send()
        return dg.SkipReason("The monitoring service was pinged.")

    return sense


def not_working(
    instance: dg.DagsterInstance,
    location: str,
    now: datetime,
    limit: timedelta,
    *,
    is_first: bool = False,
) -> str:
    """Return why the daemon does not do its work; empty if it does.

    Args:
        instance: the instance, wherever it stores its records.
        location: name of the code location; empty if there is only one.
        now: UTC.
        limit: longest time since the newest evaluation of each sensor.
        is_first: whether sensors may not have been evaluated yet.
    """
    states = {
        state.instigator_name: state
        for state in instance.all_instigator_state()
        if location in ("", state.repository_selector.location_name)
    }
    for name, effect in OFF.items():
        if name in states and not states[name].is_running:
            return f"{name} is switched off, so {effect}."
    for sensor, effect in WORK.items():
        state = states.get(sensor)
        newest = state and _newest_tick(instance, state, now)
        if newest is None:
            if is_first:
                continue
            return f"{sensor} has not been evaluated, so {effect}."
        at = datetime.fromtimestamp(newest.timestamp, UTC)
        if now - at > limit:
            return f"{sensor} has not been evaluated since {at:%Y-%m-%d %H:%M} UTC, so {effect}."
        if newest.is_failure:
            return f"{sensor} failed at {at:%Y-%m-%d %H:%M} UTC, so {effect}."
    return ""


def _newest_tick(
    instance: dg.DagsterInstance, state: InstigatorState, now: datetime
) -> InstigatorTick | None:
    """Return a sensor's newest tick that a wrong clock did not date in the future."""
    found = instance.get_ticks(
        state.instigator_origin_id, state.selector_id, before=now.timestamp(), limit=1
    )
    return next(iter(found), None)
