"""`analytics-pipeline move`: copy the warehouse from a file into a lake, or back."""

from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.cli.dagster_alive import refuse_while_alive
from analytics_pipeline.env_file import settings_in_force, settings_of
from analytics_pipeline.operations import move_warehouse
from analytics_pipeline.operations.copy_warehouse import Moved
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.words import counted


@command
def move(
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Env file with the settings after the move: a copy of yours in which only"
            " ANALYTICS_WAREHOUSE and ANALYTICS_WAREHOUSE_DATA differ.",
            dir_okay=False,
        ),
    ],
) -> None:
    """Copy the warehouse from the file of the data folder into a lake, or back.

    Copies every table and compares it by a hash. The target must be empty. The warehouse that is
    copied stays as it is. Stop Dagster's daemon and all runs first. If interrupted, run it again.
    """
    origin, target = load_settings(), settings_of(to)
    refuse_while_alive(origin)
    if target.dagster_home != origin.dagster_home:
        refuse_while_alive(target)
    if target.names_lake:
        with settings_in_force(to):  # it may name the keys of the lake's bucket
            done = move_warehouse.move(origin, target)
    else:
        done = move_warehouse.move(origin, target)
    _show(done, origin, target, to)


def _show(done: Moved, origin: Settings, target: Settings, env_file: Path) -> None:
    source, goal = warehouse_of(origin), warehouse_of(target)
    was = "was copied before" if done.was_there else "is copied"
    print_info(
        f"The warehouse {was} to {goal.describe()}: {counted(done.tables, 'table')} with"
        f" {counted(done.rows, 'row')}, each equal by its hash."
    )
    print_info(
        f"Next: use the settings of {env_file} everywhere, for commands, daemon and workers."
        " Anything still running with the old settings writes to the old warehouse. Then run"
        " `analytics-pipeline sync`: it loads only what was delivered since."
    )
    if target.data_dir.absolute() != origin.data_dir.absolute():
        print_info(
            f"The landed files and receipts of erasures stay in {origin.data_dir.absolute()}."
        )
    print_info(
        f"{source.describe()} still holds personal data, and `erase` no longer reaches it. When the"
        f" sync has succeeded, delete it: {source.deletion()}"
    )
