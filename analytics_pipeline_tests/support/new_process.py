"""Open a warehouse as a new process would."""

import sys


def forget_migrations() -> None:
    """Let the next opening migrate the warehouse: a process migrates a lake only once."""
    if lake := sys.modules.get("analytics_pipeline.warehouse.lake"):
        lake._prepared.clear()
