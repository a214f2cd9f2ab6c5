"""Open a warehouse as a new process would, or in one."""

import os
import sys
from pathlib import Path

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of


def forget_migrations() -> None:
    """Let the next opening migrate the warehouse: a process migrates a lake only once."""
    if lake := sys.modules.get("analytics_pipeline.warehouse.lake"):
        lake._prepared.clear()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process that uses the same data folder and warehouse, which is a
    lake with `--backend lake`.
    """
    variables = os.environ | {"ANALYTICS_DATA_DIR": str(settings.data_dir)}
    warehouse = warehouse_of(settings)
    if warehouse.file is None:
        from analytics_pipeline.warehouse.lake import PREFIX, LakeWarehouse

        assert isinstance(warehouse, LakeWarehouse)
        data = Path(warehouse.data_path)
        variables |= {
            "VOCAREUM_ORG_ID": data.name.removeprefix("org"),
            "ANALYTICS_WAREHOUSE": PREFIX + warehouse.catalog.dsn,
            "ANALYTICS_WAREHOUSE_DATA": str(data.parent),
        }
    return variables
