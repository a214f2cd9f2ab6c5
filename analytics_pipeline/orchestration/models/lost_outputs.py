"""The sensor that makes the published file and the report again after they were lost.

The automation condition of their assets sees only what changes upstream.
"""

import dagster as dg

from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.raw.materializations import newest_events
from analytics_pipeline.orchestration.resources import WarehouseResource
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
            "Publishes again if the published file was deleted or damaged; makes the report again"
            " if it was deleted. `analytics-pipeline sync` does the former, too."
        ),
    )
    def sense(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[WarehouseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        location.require_name(context)
        newest = newest_events(context.instance, [location.published, location.report])
        if location.published in newest and signature(warehouse.published) is None:
            lost, file = location.published, warehouse.published  # the report follows it
        elif location.report in newest and not warehouse.report.exists():
            lost, file = location.report, warehouse.report
        else:
            return dg.SkipReason(
                "The published file and the report exist, or have never been made."
            )
        context.log.warning(f"{file} is missing or can't be read; making it again.")
        # One attempt for each file that is lost: a failed run has its own alert.
        return dg.RunRequest(f"lost after {newest[lost].run_id}", asset_selection=[lost])

    return sense
