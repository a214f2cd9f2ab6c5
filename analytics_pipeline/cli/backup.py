"""`analytics-pipeline backup` and `restore`: copy the warehouse, and restore the copy."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, fail, print_error, print_info
from analytics_pipeline.cli.overview import daemon_heartbeat, is_recent, own_dagster_yaml
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse import backup as backups
from analytics_pipeline.warehouse.backend import warehouse_of


@command
def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder for the copy.")
    ],
) -> None:
    """Copy the warehouse into a new folder, even while runs write.

    The copy is consistent, and holds personal data. It omits landed files, the published file and
    DAGSTER_HOME, which a restore does not need.
    """
    settings = load_settings()
    target = folder.expanduser().absolute()
    size = backups.backup(warehouse_of(settings), target, settings.org_id)
    print_info(
        f"{target}: {size / 1e6:,.1f} MB. To restore it: `analytics-pipeline restore {target}`."
    )


@command
def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder written by `backup`.")],
) -> None:
    """Restore a copy of the warehouse.

    The replaced warehouse is kept next to it. Stop Dagster's daemon and all runs first. Then start
    the daemon or run `sync`, which loads the files missing from the copy.
    """
    settings = load_settings()
    _refuse_while_alive(settings)
    warehouse = warehouse_of(settings)
    done = backups.restore(folder.expanduser().absolute(), warehouse, settings.org_id)
    print_info(
        f"{warehouse.describe()} is restored to its state of {done.taken_at:%Y-%m-%d %H:%M} UTC."
    )
    if done.aside:
        print_info(
            f"The replaced warehouse is kept as {done.aside}: remove it when you no longer need it."
        )
    for user_id in done.erased_since:
        print_error(
            f"User {user_id} was erased since and is back: run `analytics-pipeline erase --user-id"
            f" {user_id}`."
        )
    print_info(
        "Start Dagster's daemon, or run `analytics-pipeline sync`: it loads the files delivered"
        " since, and publishes again."
    )


def _refuse_while_alive(settings: Settings) -> None:
    """End the command while Dagster's daemon or a run could write the warehouse."""
    own = own_dagster_yaml(settings)
    heartbeat = daemon_heartbeat(settings.dagster_home)
    if own:
        # It may name another storage than the file above.
        from analytics_pipeline.orchestration.instance import newest_heartbeat

        heartbeat = newest_heartbeat(settings) or heartbeat
    if is_recent(heartbeat, datetime.now(UTC)):
        fail(
            "Dagster's daemon is alive, or was within the last five minutes. Stop it, wait five"
            " minutes, and run the command again. Nothing was changed."
        )
    if not own and not (settings.dagster_home / "history").exists():
        return
    # Dagster takes seconds to import.
    from analytics_pipeline.orchestration.asset_keys import Location
    from analytics_pipeline.orchestration.instance import open_instance
    from analytics_pipeline.orchestration.runs.processes import living_runs

    with open_instance(settings) as instance:
        alive = living_runs(instance, Location.of(settings))
    if alive:
        fail(
            f"Run {alive[0]} is in progress{f', and {len(alive) - 1} more' if alive[1:] else ''}."
            " Wait for it to end, or cancel it in the Dagster UI, and run the command again."
            " Nothing was changed."
        )
