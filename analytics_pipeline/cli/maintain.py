"""`analytics-pipeline maintain`: keep a lake small and fast."""

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.cli.existing_warehouse import existing_warehouse
from analytics_pipeline.settings import load_settings


@command
def maintain() -> None:
    """Merge a lake's small files, and delete unused ones.

    Unused are files of snapshots older than seven days, and files that a killed run left. Waits
    until no other command or run writes. A warehouse in a file needs no maintenance.
    """
    warehouse = existing_warehouse(load_settings())
    if warehouse.file:
        print_info(f"{warehouse.describe()} is a file: it needs no maintenance.")
        return
    warehouse.maintain()
    print_info(f"Merged small files of {warehouse.describe()}, and deleted unused ones.")
