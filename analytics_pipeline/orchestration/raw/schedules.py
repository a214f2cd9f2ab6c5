"""Jobs that load, and their schedules.

Schedules don't catch up; the sensor fills missed partitions. `raw/assets.py` implements a run.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from analytics_pipeline.datasets import DATASETS, Cadence
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.resources import FeedResource, WarehouseResource
from analytics_pipeline.orchestration.runs.run_records import RANGE_END, RANGE_START, job_name

LOOK_BACK_DAYS = 7
"""Number of days that a scheduled run covers, including yesterday: Vocareum rewrites yesterday's
files, and older ones."""

_CRON = {
    Cadence.DAILY: "20 */6 * * *",
    Cadence.MONTHLY: "30 */6 * * *",
    Cadence.SNAPSHOT: "40 3 * * *",
}
_DESCRIPTION = {
    Cadence.DAILY: (
        f"Every six hours: the previous UTC day, and the {LOOK_BACK_DAYS - 1} days before it for"
        " rewritten files."
    ),
    Cadence.MONTHLY: (
        "Every six hours: the open month and the previous one, which Vocareum rewrites until they"
        " close."
    ),
    Cadence.SNAPSHOT: "Every day: mappings, and grades and enrollment of every course.",
}
_NO_FAILURE = " A missing file is no failure; a run without new files does nothing."


def load_jobs(location: Location) -> list[Any]:
    """Return a job for each cadence, whose datasets share their partitions and so their runs.

    Dagster has no public type for a job that its definitions have yet to resolve.
    """
    return [
        dg.define_asset_job(
            job_name(cadence),
            selection=dg.AssetSelection.assets(*asset_keys(location, cadence)),
            description=f"Load new and changed files of the {cadence} datasets.",
        )
        for cadence in Cadence
    ]


def load_schedules(start: date) -> list[dg.ScheduleDefinition]:
    """Return a schedule for each cadence of the feed, on by default. Partitions start with `start`.

    Hand-written files have no schedule: the sensor finds them.
    """
    return [_schedule(cadence, start) for cadence in _CRON]


def asset_keys(location: Location, cadence: Cadence) -> list[dg.AssetKey]:
    """Return the assets of a cadence."""
    return [
        location.asset_key(dataset) for dataset in DATASETS.values() if dataset.cadence is cadence
    ]


def scheduled_range(cadence: Cadence, now: datetime, start: date) -> tuple[str, str] | None:
    """Return the partitions that a scheduled run covers, inclusive; None for snapshots.

    If there is no partition yet, the first is after the last.

    Args:
        now: when the schedule ticks (UTC).
        start: first day to load.
    """
    yesterday = now.date() - timedelta(days=1)
    if cadence is Cadence.DAILY:
        return (
            f"{max(start, yesterday - timedelta(days=LOOK_BACK_DAYS - 1)):%Y-%m-%d}",
            f"{yesterday:%Y-%m-%d}",
        )
    if cadence is Cadence.MONTHLY:
        return f"{max(start, now.date().replace(day=1) - timedelta(days=1)):%Y-%m}", f"{now:%Y-%m}"
    return None


def _schedule(cadence: Cadence, start: date) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job_name(cadence)}_files",
        job_name=job_name(cadence),
        cron_schedule=_CRON[cadence],
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=_DESCRIPTION[cadence] + _NO_FAILURE,
    )
    def load(
        context: dg.ScheduleEvaluationContext,
        feed: dg.ResourceParam[FeedResource],
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.RunRequest | dg.SkipReason:
        try:
            feed.open()
        except PipelineError as error:
            # A skipped tick alerts nobody, a failing run does. Nothing has stopped before the first
            # load, nor in the demo, whose servers may not be running.
            if feed.is_simulated or not warehouse.exists:
                return dg.SkipReason(str(error))
        within = scheduled_range(cadence, context.scheduled_execution_time, start)
        if within and within[0] > within[1]:
            return dg.SkipReason(
                f"There is nothing to load before the first day ({start}) is over."
            )
        return dg.RunRequest(
            tags={RANGE_START: within[0], RANGE_END: within[1]} if within else {},
            run_config={
                "ops": {
                    f"load_{name}": {"config": {"retry_failed": False}} for name in _names(cadence)
                }
            },
        )

    return load


def _names(cadence: Cadence) -> Sequence[str]:
    return [dataset.name for dataset in DATASETS.values() if dataset.cadence is cadence]
