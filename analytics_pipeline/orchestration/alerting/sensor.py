"""The alert sensor: sends problems that Dagster's records show to the recipients of alerts.

`incidents.py` decides what is an incident, `messages.py` words it.
"""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from analytics_pipeline.orchestration.alerting.failing_sensors import failing_sensors
from analytics_pipeline.orchestration.alerting.incidents import (
    Alarms,
    FailingCheck,
    Incident,
    OpenAlarm,
    from_json,
    open_incidents,
)
from analytics_pipeline.orchestration.alerting.messages import messages
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.models.assets import ALARMS
from analytics_pipeline.orchestration.notifier import Notifier, NotSent
from analytics_pipeline.orchestration.raw.checks.result import FAILED_FILES, last_evaluation
from analytics_pipeline.orchestration.runs.processes import end_dead_runs
from analytics_pipeline.orchestration.runs.run_records import known_runs, last_ended_first
from analytics_pipeline.orchestration.sensor_faults import ALERTS
from analytics_pipeline.storage.clock import Clock
from analytics_pipeline.words import counted

INTERVAL_SECONDS = 60
RUNS_READ = 300
Incidents = Mapping[str, Incident]
"""Incidents by their subject."""
_BEHIND = ""
"""Key in the cursor of what recipients know that did not accept the last messages; no subject is
empty."""


def alerts(location: Location, clock: Clock) -> dg.SensorDefinition:
    """Return the sensor; its cursor stores the reported incidents.

    Its tick fails if a recipient refuses and no other one was sent anything new.
    """

    @dg.sensor(
        name=ALERTS,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Sends one message to ALERT_URLS and ALERT_WEBHOOK_URL when an asset or one of its"
            " checks fails, with partitions, error and a link, and one when it is resolved. It"
            " does the same for a sensor that keeps failing, and for each alarm about budgets,"
            " anomalies and spend after a drop."
        ),
    )
    def sense(
        context: dg.SensorEvaluationContext, notifier: dg.ResourceParam[Notifier]
    ) -> dg.SkipReason | dg.SensorResult:
        location.require_name(context)
        # done here, as no other sensor of ours runs every minute
        end_dead_runs(context.instance, location)
        if not notifier.has_recipients:
            return dg.SkipReason(
                "Neither ALERT_URLS nor ALERT_WEBHOOK_URL is set, so no alerts are sent. Set one of"
                " them (see .env.example)."
            )
        known, behind = _reported(context.cursor)
        failing, alarms = failing_checks(context, location)
        failing += failing_sensors(context.instance, location)
        runs = known_runs(context.instance, location, RUNS_READ)
        now = open_incidents(
            last_ended_first(context.instance, runs, RUNS_READ),
            failing,
            known,
            lambda run_id: failure_of(context.instance, run_id),
            clock(),
            alarms,
        )
        sent, problems, still = _send(notifier, known, behind, now, location.prefix)
        if problems and not sent:
            # A failed tick keeps the cursor, so that the next one sends all again: twice is better
            # than never. `status` and `doctor` show it.
            raise NotSent(" ".join(problems))
        told = f"{counted(sent, 'message')} sent; open: {counted(len(now), 'incident')}."
        return dg.SensorResult(
            skip_reason=dg.SkipReason(" ".join([told, *problems])), cursor=_cursor(now, still)
        )

    return sense


def _send(
    notifier: Notifier,
    known: Incidents,
    behind: Mapping[str, Incidents],
    now: Incidents,
    prefix: str,
) -> tuple[int, list[str], dict[str, Incidents]]:
    """Send each recipient what it has not been told yet.

    Each has a state of its own, so that a broken one repeats no message to the others.

    Returns:
        The number of messages for recipients that accepted all of theirs, why others did not, and
        what those still know.
    """
    sent, problems = 0, dict[str, None]()
    still: dict[str, Incidents] = {}
    for name, recipient in notifier.each().items():
        before = behind.get(name, known)
        texts = messages(before, now, notifier.ui_url.rstrip("/"), prefix)
        try:
            for text in texts:
                recipient.send(text)
            sent += len(texts)
        except NotSent as problem:
            problems[str(problem)] = None
            still[name] = before
    return sent, list(problems), still


def failing_checks(
    context: dg.SensorEvaluationContext, location: Location
) -> tuple[list[FailingCheck], Alarms]:
    """Return the code location's failing ERROR checks, and all open alarms."""
    if context.repository_def is None:
        return [], Alarms()
    failing: list[FailingCheck] = []
    alarms: list[OpenAlarm] = []
    for key in context.repository_def.asset_graph.asset_check_keys:
        last = last_evaluation(context.instance, key)
        if last is None:
            continue
        if not last.passed and last.severity is dg.AssetCheckSeverity.ERROR:
            asset = location.table(key.asset_key)
            repeats = FAILED_FILES in last.metadata
            failing.append(FailingCheck(asset, key.name, last.text, last.run_id, repeats))
        rows: Any = last.metadata[ALARMS].value if ALARMS in last.metadata else []
        alarms += [OpenAlarm(key.name, row["alarm"], row["message"], last.run_id) for row in rows]
    return failing, Alarms(alarms, frozenset(check.name for check in failing))


def failure_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return why a run failed; of a foreign error only the class, as its text may hold data."""
    records = instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_FAILURE).records
    for record in records:
        event = record.event_log_entry.dagster_event
        data = event.step_failure_data if event else None
        if data is None:
            continue
        if data.user_failure_data and data.user_failure_data.description:
            return str(data.user_failure_data.description)
        if data.error:
            return (
                f"{data.error.cls_name} in {event.step_key if event else 'a step'}: see the run's"
                " log."
            )
    return (
        "The run ended before its first step failed: its process was killed, or it could not start."
    )


def _reported(cursor: str | None) -> tuple[Incidents, dict[str, Incidents]]:
    """Return the reported incidents, and those known to each recipient that is behind."""
    stored = json.loads(cursor or "{}")
    behind = stored.pop(_BEHIND, {})
    return from_json(stored), {name: from_json(known) for name, known in behind.items()}


def _cursor(incidents: Incidents, behind: Mapping[str, Incidents]) -> str:
    late = {_BEHIND: {name: _to_json(known) for name, known in behind.items()}} if behind else {}
    return json.dumps({**_to_json(incidents), **late})


def _to_json(incidents: Incidents) -> dict[str, dict[str, str]]:
    return {subject: incident.to_json() for subject, incident in incidents.items()}
