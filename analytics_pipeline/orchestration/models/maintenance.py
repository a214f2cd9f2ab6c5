"""The nightly maintenance of a lake as an asset; a warehouse in a file has none."""

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.orchestration.runs.step_failures import report_step_errors

EVERY_NIGHT = "10 4 * * *"
"""When it is due (UTC): after the night's loads have begun."""


def _key(location: Location) -> dg.AssetKey:
    return location.model_key("lake.maintenance")


def maintenance_schedule(location: Location) -> dg.ScheduleDefinition:
    """Return the schedule of the maintenance, on by default."""
    return dg.ScheduleDefinition(
        name="maintain_lake",
        target=dg.AssetSelection.assets(_key(location)),
        cron_schedule=EVERY_NIGHT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night: merge small files of the lake; delete expired and orphaned ones.",
    )


def maintenance_asset(location: Location) -> dg.AssetsDefinition:
    """Return the asset whose run merges and removes files of the lake."""

    @dg.asset(
        key=_key(location),
        group_name="lake",
        description=(
            "Merges small files of the lake. Deletes those that only snapshots of more than seven"
            " days ago name, and those that a killed run left more than a day ago."
        ),
        kinds={"ducklake"},
    )
    def maintenance(warehouse: dg.ResourceParam[WarehouseResource]) -> None:
        with report_step_errors():
            warehouse.maintain()

    return maintenance
