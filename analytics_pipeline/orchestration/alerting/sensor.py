"""The sensor that tells people: what is wrong by Dagster's own records, posted to a webhook as Slack understands it.

What is an incident, and what is said of it, is decided in `incidents.py`.
"""

import json
from collections.abc import Mapping

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from analytics_pipeline.orchestration.alerting.incidents import (
    FailingCheck,
    Incident,
    from_json,
    messages,
    open_incidents,
)
from analytics_pipeline.orchestration.runs.run_records import end_dead_runs, known_runs
from analytics_pipeline.orchestration.webhook import NotSent, Webhook
from analytics_pipeline.storage.clock import Clock, utc_now

INTERVAL_SECONDS = 60
RUNS_READ = 300
_JUDGED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


def alerts(clock: Clock = utc_now) -> dg.SensorDefinition:
    """The sensor; its cursor keeps the incidents that people were told of."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Posts one message to ALERT_WEBHOOK_URL when an asset fails or a check of it turns red, with partitions, error "
            "and a link, and one when it is resolved."
        ),
    )
    def sense(
        context: dg.SensorEvaluationContext, webhook: dg.ResourceParam[Webhook]
    ) -> dg.SkipReason | dg.SensorResult:
        end_dead_runs(context.instance)  # here, as no other sensor of ours looks every minute
        if not webhook.url.get_secret_value():
            return dg.SkipReason(
                "ALERT_WEBHOOK_URL is not set, so nobody is told. Set it to a Slack-compatible webhook."
            )
        known = from_json(json.loads(context.cursor or "{}"))
        now = open_incidents(
            known_runs(context.instance, RUNS_READ),
            failing_checks(context),
            known,
            lambda run_id: failure_of(context.instance, run_id),
            clock(),
        )
        said = 0
        try:
            for text in messages(known, now, webhook.ui_url.rstrip("/")):
                webhook.send(text)
                said += 1
        except NotSent as problem:
            # The cursor stays, so everything is said again: twice is better than never.
            return dg.SkipReason(f"{problem} It is tried again in {INTERVAL_SECONDS} s.")
        return dg.SensorResult(
            skip_reason=dg.SkipReason(f"{said} messages sent; {len(now)} incidents are open."), cursor=_cursor(now)
        )

    return sense


def failing_checks(context: dg.SensorEvaluationContext) -> list[FailingCheck]:
    """Checks of severity ERROR whose last result did not pass, of every asset of the code location."""
    if context.repository_def is None:
        return []
    found = []
    for key in context.repository_def.asset_graph.asset_check_keys:
        # The last one that has a result: a run in flight has planned the next.
        records = context.instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=_JUDGED)
        event = records[0].event.dagster_event if records and records[0].event else None
        if event is None:
            continue
        result = event.asset_check_evaluation_data
        if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR:
            found.append(
                FailingCheck(".".join(key.asset_key.path), key.name, result.description or "", records[0].run_id)
            )
    return found


def failure_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """What a run failed of: our own words as they are, of any other error its class alone (its text may hold data)."""
    records = instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_FAILURE).records
    for record in records:
        event = record.event_log_entry.dagster_event
        data = event.step_failure_data if event else None
        if data is None:
            continue
        if data.user_failure_data and data.user_failure_data.description:
            return str(data.user_failure_data.description)
        if data.error:
            return f"{data.error.cls_name} in {event.step_key if event else 'a step'}: see the run's log."
    return "The run ended before its first step failed: its process was killed, or it could not start."


def _cursor(incidents: Mapping[str, Incident]) -> str:
    return json.dumps({subject: incident.to_json() for subject, incident in incidents.items()})
