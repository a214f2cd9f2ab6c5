"""`analytics-pipeline maintain`: keep a lake small and fast."""

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.cli.existing_warehouse import existing_warehouse
from analytics_pipeline.settings import load_settings


@command
def maintain() -> None:
    """Merge small files of a lake, and delete expired and orphaned ones.

    Waits until no other command or run writes. A warehouse in a file needs no maintenance.
    """
    warehouse = existing_warehouse(load_settings())
    warehouse.maintain()
    print_info(f"{warehouse.describe()} is maintained.")
