"""The alert sensor: sends problems that Dagster's records show to the recipients of alerts.

`incidents.py` decides what is an incident, `messages.py` words it.
"""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster import DagsterEventType

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
from analytics_pipeline.storage.clock import Clock, utc_now
from analytics_pipeline.words import counted

INTERVAL_SECONDS = 60
RUNS_READ = 300


def alerts(location: Location, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor; its cursor stores the reported incidents."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Sends one message to ALERT_URLS and ALERT_WEBHOOK_URL when an asset or one of its"
            " checks fails, with partitions, error and a link, and one when it is resolved. It"
            " does the same for each alarm about budgets, anomalies and spend after a drop."
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
        known = from_json(json.loads(context.cursor or "{}"))
        failing, alarms = failing_checks(context, location)
        runs = known_runs(context.instance, location, RUNS_READ)
        now = open_incidents(
            last_ended_first(context.instance, runs, RUNS_READ),
            failing,
            known,
            lambda run_id: failure_of(context.instance, run_id),
            clock(),
            alarms,
        )
        sent, problems = 0, dict[str, None]()
        try:
            for text in messages(known, now, notifier.ui_url.rstrip("/"), location.prefix):
                problems |= dict.fromkeys(notifier.send(text))
                sent += 1
        except NotSent as problem:
            # The cursor is kept, so all messages are sent again: twice is better than never.
            return dg.SkipReason(f"{problem} Next attempt in {INTERVAL_SECONDS} s.")
        return dg.SensorResult(
            skip_reason=dg.SkipReason(
                " ".join(
                    [
                        f"{counted(sent, 'message')} sent; open: {counted(len(now), 'incident')}.",
                        *problems,
                    ]
                )
            ),
            cursor=_cursor(now),
        )

    return sense


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


def _cursor(incidents: Mapping[str, Incident]) -> str:
    return json.dumps({subject: incident.to_json() for subject, incident in incidents.items()})
