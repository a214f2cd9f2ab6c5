"""All definitions of the code location; tests build their own with other settings."""

import warnings
from datetime import timedelta
from typing import Any

import dagster as dg

from analytics_pipeline.orchestration.alerting.ping import ping
from analytics_pipeline.orchestration.alerting.sensor import alerts
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.models.assets import model_assets
from analytics_pipeline.orchestration.models.automation import (
    REBUILD_ON_CHANGE,
    REPEAT_FAILED,
    automation_sensor,
)
from analytics_pipeline.orchestration.models.lost_outputs import lost_outputs
from analytics_pipeline.orchestration.models.maintenance import (
    maintenance_asset,
    maintenance_schedule,
)
from analytics_pipeline.orchestration.models.published_assets import published_asset, report_asset
from analytics_pipeline.orchestration.raw.assets import raw_assets
from analytics_pipeline.orchestration.raw.feed_asset import bucket_asset
from analytics_pipeline.orchestration.raw.problem_assets import problem_assets
from analytics_pipeline.orchestration.raw.retry_policy import RETRY_POLICY, RetryPolicy
from analytics_pipeline.orchestration.raw.schedules import load_jobs, load_schedules
from analytics_pipeline.orchestration.raw.sensor import missing_partitions
from analytics_pipeline.orchestration.resources import build_resources
from analytics_pipeline.orchestration.runs.retention import old_runs_sensor
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import load_project
from analytics_pipeline.storage.clock import Clock, utc_now
from analytics_pipeline.warehouse.parameters import Parameters

# multi_run backfills are beta in Dagster 1.13. One warning per asset helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def build_definitions(
    settings: Settings,
    overrides: dict[str, Any] | None = None,
    *,
    clock: Clock = utc_now,
    retry_policy: RetryPolicy = RETRY_POLICY,
) -> dg.Definitions:
    """Build the code location's definitions.

    Args:
        settings: locations and start date; settings that only a run needs may be missing.
        overrides: resources that replace the default ones, for tests.
        clock: the sensors' clock (UTC).
        retry_policy: retries of failing files.
    """
    location = Location.of(settings)
    jobs = load_jobs(location)
    assets = dg.map_asset_specs(
        lambda spec: spec.replace_attributes(owners=settings.owners), _assets(settings, location)
    )
    return dg.Definitions(
        assets=assets,
        jobs=jobs,
        schedules=[
            *load_schedules(settings.first_day),
            *([maintenance_schedule(location)] if settings.names_lake else []),
        ],
        sensors=[
            missing_partitions(
                location,
                jobs,
                settings.first_day,
                clock,
                retry_policy,
                settings.feed_poll_seconds,
                settings.partitions_per_run,
            ),
            alerts(location, clock),
            ping(location, timedelta(seconds=settings.feed_poll_seconds), clock),
            automation_sensor(),
            *([] if settings.names_lake or settings.published_store else [lost_outputs(location)]),
            old_runs_sensor(
                location, timedelta(days=settings.runs_kept_days), retry_policy.attempts, clock
            ),
        ],
        resources={**build_resources(settings), **(overrides or {})},
        # A process per step costs 2.5 to 4 s of CPU just for imports.
        executor=dg.in_process_executor,
    )


def _assets(settings: Settings, location: Location) -> list[Any]:
    project = load_project()
    outputs = REPEAT_FAILED if settings.published_store else REBUILD_ON_CHANGE
    return [
        bucket_asset(location),
        *problem_assets(location),
        *raw_assets(settings.first_day, location, settings.partitions_per_run),
        model_assets(project, location, Parameters.of(settings)),
        published_asset(project, location, pii=settings.publish_pii, condition=outputs),
        report_asset(location, outputs),
        *([maintenance_asset(location)] if settings.names_lake else []),
    ]
