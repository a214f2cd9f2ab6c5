"""The sensor that makes the published file and the report again after they were lost or altered.

The automation condition of their assets sees only what changes upstream.
"""

from pathlib import Path

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.materializations import newest_events
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.storage.database_log import log_beside
from analytics_pipeline.warehouse.signature import signature

INTERVAL_SECONDS = 600


def lost_outputs(location: Location) -> dg.SensorDefinition:
    """Return the sensor. Only for outputs that all processes see in one data folder."""

    @dg.sensor(
        name="lost_outputs",
        target=dg.AssetSelection.assets(location.published, location.report),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Publishes again if the published file was deleted or damaged, or another program's log"
            " lies beside it; makes the report again if it was deleted. `analytics-pipeline sync`"
            " does the former, too."
        ),
    )
    def sense(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[WarehouseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        location.require_name(context)
        newest = newest_events(context.instance, [location.published, location.report])
        if location.published in newest and (wrong := _wrong(warehouse.published)):
            lost = location.published  # the report follows it
        elif location.report in newest and not warehouse.report.exists():
            lost, wrong = location.report, f"{warehouse.report} is missing"
        else:
            return dg.SkipReason(
                "The published file and the report exist, or have never been made."
            )
        context.log.warning(f"{wrong}; making it again.")
        # One attempt for each file that is lost: a failed run has its own alert.
        return dg.RunRequest(f"lost after {newest[lost].run_id}", asset_selection=[lost])

    return sense


def _wrong(published: Path) -> str:
    """Return why the published file must be published again; empty if it need not be."""
    if log := log_beside(published):
        return f"{log} lies beside the published file: another program wrote into that file"
    return "" if signature(published) else f"{published} is missing or can't be read"
