"""Decide which old runs to delete: by sensor, or at the end of `sync`.

`history.py` deletes them from Dagster's tables and files.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.delivery import Place
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.runs.history import (
    delete_planned_checks,
    delete_runs,
    delete_tick_logs,
    keeps_history_on_disk,
)
from analytics_pipeline.orchestration.runs.run_records import KnownRun, known_runs
from analytics_pipeline.storage.clock import Clock
from analytics_pipeline.words import counted

INTERVAL_SECONDS = 86_400
TICK_LOGS_KEPT = timedelta(days=3)
"""The same as in `instance.yaml` for ticks without a request, which are nearly all ticks."""
MOST_DELETED = 1_000
"""Runs deleted per call: a sensor tick must end within a minute. A longer history takes several
calls."""


def old_runs(runs: Sequence[KnownRun], before: datetime, attempts: int) -> list[str]:
    """Return the ids of runs that ended before a time and are no longer needed, oldest first.

    Args:
        runs: all runs, newest first.
        before: UTC.
        attempts: failures of a version after which it is given up; further ones are not needed.
    """
    needed = _newest(runs) | _verdicts(runs, attempts)
    return [
        run.run_id
        for run in reversed(runs)
        if run.ended and run.ended < before and run.run_id not in needed
    ]


def _newest(runs: Sequence[KnownRun]) -> set[str]:
    """Return the newest run of each subject in each state: alerts and the UI read it."""
    newest: dict[tuple[str, str, bool], str] = {}
    for run in runs:
        for subject in run.assets or {run.job}:
            newest.setdefault((subject, run.state, run.will_retry), run.run_id)
    return set(newest.values())


def _verdicts(runs: Sequence[KnownRun], attempts: int) -> set[str]:
    """Return the failed runs that keep a given-up file given up.

    These are the newest failures of a file's newest version since it was last loaded, as many as
    there are attempts. Failures that count as no attempt are kept apart from the others, and as
    many of them: they must not displace those that count.
    """
    newest_version: dict[Place, str] = {}
    loaded_since: set[Place] = set()
    kept = Counter[tuple[Place, bool]]()
    needed: set[str] = set()
    for run in runs:
        for place, version, counts in _failures(run):
            is_newest = newest_version.setdefault(place, version) == version
            if is_newest and place not in loaded_since and kept[place, counts] < attempts:
                kept[place, counts] += 1
                needed.add(run.run_id)
        loaded_since |= _loaded(run)
    return needed


def _failures(run: KnownRun) -> Iterator[tuple[Place, str, bool]]:
    """Yield each file that a run could not load: its place and version, and whether it counts."""
    for name, versions in run.verdicts.items():
        for partition, version in versions.items():
            yield (name, partition), version, run.counts(DATASETS[name], partition)


def _loaded(run: KnownRun) -> set[Place]:
    """Return the files that a run was asked for and loaded."""
    return {
        (name, partition)
        for name, asked in run.asked.items()
        for partition in asked
        if run.loaded(DATASETS[name], partition)
    }


def delete_old_runs(
    instance: dg.DagsterInstance, location: Location, now: datetime, kept: timedelta, attempts: int
) -> int:
    """Delete a location's runs older than `kept` that are no longer needed, with their events and
    logs. Return the number of runs.

    Args:
        now: UTC.
        kept: age up to which every run is kept.
        attempts: failures of a version after which it is given up.
    """
    if not keeps_history_on_disk(instance):
        return 0
    runs = known_runs(instance, location, most=None)
    old = old_runs(runs, now - kept, attempts)[:MOST_DELETED]
    delete_runs(instance, location, old, now - kept)
    delete_planned_checks(instance, [run.run_id for run in runs if run.ended])
    delete_tick_logs(instance, now - min(kept, TICK_LOGS_KEPT))
    return len(old)


def old_runs_sensor(
    location: Location, kept: timedelta, attempts: int, clock: Clock
) -> dg.SensorDefinition:
    """Return the sensor that deletes old runs once a day."""

    @dg.sensor(
        name="old_runs",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Deletes runs that ended more than {kept.days} days ago (DAGSTER_RUNS_KEPT_DAYS), with"
            " their events and logs, once a day. Keeps the newest materialization of each"
            " partition, the newest verdict of each check, and the failures of files that still"
            " fail."
        ),
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        location.require_name(context)
        if not keeps_history_on_disk(context.instance):
            return dg.SkipReason(
                "Deleted no runs: dagster.yaml names another storage than Dagster's default."
            )
        deleted = delete_old_runs(context.instance, location, clock(), kept, attempts)
        return dg.SkipReason(
            f"Deleted {counted(deleted, 'run')} that ended more than {kept.days} days ago."
        )

    return sense
