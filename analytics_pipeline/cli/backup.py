"""`analytics-pipeline backup` and `restore`: copy the warehouse, and restore the copy."""

from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_error, print_info
from analytics_pipeline.cli.dagster_alive import refuse_while_alive
from analytics_pipeline.settings import load_settings
from analytics_pipeline.warehouse import backup as backups
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.gone import gone
from analytics_pipeline.words import counted


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
    if lost := gone(settings):
        raise lost
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
    refuse_while_alive(settings)
    warehouse = warehouse_of(settings)
    done = backups.restore(
        folder.expanduser().absolute(), warehouse, settings.org_id, settings.published_path
    )
    print_info(
        f"{warehouse.describe()} is restored to its state of {done.taken_at:%Y-%m-%d %H:%M} UTC."
    )
    if done.aside:
        print_info(
            f"The replaced warehouse is kept as {done.aside}: remove it when you no longer need it."
        )
    if not done.is_compared:
        print_error(
            "The replaced warehouse can't be read, so the restored one was compared only with the"
            " published file."
        )
    if done.went_back:
        print_error(
            f"The restored warehouse lacks the replaced one's version of"
            f" {counted(done.went_back, 'file')}. `analytics-pipeline sync` loads what is still"
            f" delivered. The rest is only in {done.aside or settings.published_path}."
            " `analytics-pipeline status` names the files."
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
