"""When models, the published file and the report are made anew: Dagster's automation, in one place.

What they are belongs in `models/assets.py` and `published_assets.py`.
"""

import dagster as dg

_CHANGED: dg.AutomationCondition = (
    dg.AutomationCondition.any_deps_updated()
    | dg.AutomationCondition.missing().newly_true()
    | dg.AutomationCondition.code_version_changed()
)
REBUILD_ON_CHANGE = (
    _CHANGED.since(dg.AutomationCondition.newly_requested() & ~_CHANGED)
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("follows what it reads")
"""Rebuilt when what it reads was loaded, or its SQL changed. Plain `eager()` never fires while any day of an upstream
is missing, nor for what was loaded before the daemon's first look. A request answers what had changed before it, and no more: what
is loaded beside it, or while its run reads, asks for the next one. So a rebuild by hand is repeated once."""

GROUPS = ("staging", "marts", "published")


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Rebuilds the models that a load reaches, and publishes; on by default."""
    return dg.AutomationConditionSensorDefinition(
        "models_follow_loads",
        target=dg.AssetSelection.groups(*GROUPS),
        description="Rebuilds the models that a load reaches, then publishes, once no load is under way.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
    )
