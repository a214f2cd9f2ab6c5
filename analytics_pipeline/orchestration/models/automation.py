"""Automation conditions: when models, the published file and the report are rebuilt.

The assets are in `assets.py` and `published_assets.py`.
"""

import dagster as dg

from analytics_pipeline.orchestration.sensor_faults import MODELS

_CHANGED: dg.AutomationCondition = (
    dg.AutomationCondition.any_deps_updated()
    | dg.AutomationCondition.missing().newly_true()
    | dg.AutomationCondition.code_version_changed()
)
REBUILD_ON_CHANGE = (
    _CHANGED.since(dg.AutomationCondition.newly_requested() & ~_CHANGED)
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("rebuild when upstream changed")
"""Rebuild when an upstream table was loaded or the SQL changed. Plain `eager()` never fires while
any day of an upstream is missing, nor for loads before the daemon's first evaluation. A request
covers only earlier changes: a load at the same time, or while its run reads, requests the next
rebuild. So a manual rebuild is repeated once."""

REPEAT_FAILED = REBUILD_ON_CHANGE | (
    dg.AutomationCondition.execution_failed()
    & dg.AutomationCondition.cron_tick_passed("0 * * * *")
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("repeat each hour what failed")
"""The same, and each hour again after a failure: an upload fails without any change upstream."""


def with_asset(key: dg.AssetKey) -> dg.AutomationCondition:
    """Return the condition of a check that its asset's own step always evaluates.

    Dagster requests such a check together with the asset. A request that names any check runs only
    the named ones, unless one of them has a condition: then all checks of the requested assets
    run. Without this condition the daemon would evaluate no test of a model.
    """
    return dg.AutomationCondition.asset_matches(key, dg.AutomationCondition.will_be_requested())


GROUPS = ("staging", "marts", "published")


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that rebuilds what a load affects, and publishes; on by default."""
    return dg.AutomationConditionSensorDefinition(
        MODELS,
        target=dg.AssetSelection.groups(*GROUPS),
        description=(
            "Rebuilds the models affected by a load, then publishes, once no load is in progress."
        ),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
    )
