"""`analytics-pipeline backup` and `restore`: a copy of the warehouse, and putting it back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, fail, print_error, print_info
from analytics_pipeline.cli.overview import daemon_heartbeat, is_recent
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse import backup as backups


@command
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder for the copy.")],
) -> None:
    """Copy the warehouse into a new folder, consistent while runs write.

    The copy holds personal data. LandedFile files, the published file and DAGSTER_HOME are not needed for a restore and not copied.
    """
    settings = load_settings()
    target = folder.expanduser().absolute()
    size = backups.backup(settings.warehouse_path, target, settings.org_id)
    print_info(f"{target}: {size / 1e6:,.1f} MB. Put it back with `analytics-pipeline restore {target}`.")


@command
def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `backup` has written.")],
) -> None:
    """Put a copy of the warehouse back; the one that it replaces is kept beside it.

    Stop Dagster's daemon and all runs first. Afterwards start the daemon or run `sync`: what the copy lacks is loaded.
    """
    settings = load_settings()
    _refuse_while_alive(settings)
    done = backups.restore(folder.expanduser().absolute(), settings.warehouse_path, settings.org_id)
    print_info(f"{settings.warehouse_path} is as it was backed up at {done.taken_at:%Y-%m-%d %H:%M} UTC.")
    if done.aside:
        print_info(f"The warehouse before is kept as {done.aside}: remove it once you don't need it.")
    for user_id in done.erased_since:
        print_error(f"User {user_id} was erased since and is back: run `analytics-pipeline erase --user-id {user_id}`.")
    print_info(
        "Start Dagster's daemon, or run `analytics-pipeline sync`: what was delivered since is loaded, and published again."
    )


def _refuse_while_alive(settings: Settings) -> None:
    """End the command if Dagster's daemon or a run could write the warehouse, or tell Dagster of the one before."""
    if is_recent(daemon_heartbeat(settings.dagster_home), datetime.now(UTC)):
        fail(
            "Dagster's daemon is alive, or was within the last five minutes. Stop it, wait for five minutes, and run the same "
            "again; nothing was changed."
        )
    if not (settings.dagster_home / "history").exists():
        return
    from analytics_pipeline.orchestration.instance import open_instance  # Dagster takes seconds to import
    from analytics_pipeline.orchestration.runs.run_records import living_runs

    with open_instance(settings) as instance:
        alive = living_runs(instance)
    if alive:
        fail(
            f"Run {alive[0]} is under way{f', and {len(alive) - 1} more' if alive[1:] else ''}. Wait for it to end, or cancel it in "
            "the Dagster UI, and run the same again; nothing was changed."
        )
