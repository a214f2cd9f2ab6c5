"""Get the warehouse for a command that needs loaded data."""

from analytics_pipeline.cli.console import fail
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.gone import gone


def existing_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse; end the command if nothing was ever loaded.

    Raises:
        WarehouseGone: there was one.
    """
    warehouse = warehouse_of(settings)
    if lost := gone(settings):
        raise lost
    if not warehouse.exists():
        fail(
            f"There is no warehouse at {warehouse.describe()} yet. Run `analytics-pipeline sync`"
            " first."
        )
    return warehouse
