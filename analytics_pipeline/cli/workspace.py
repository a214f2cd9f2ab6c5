"""`analytics-pipeline workspace`: the organisations that share a Dagster instance."""

from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli.console import (
    DONE,
    UNUSABLE,
    command,
    print_error,
    print_info,
    table,
    tabular,
)
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.settings import load_settings

app = typer.Typer(help="Run several organisations in one Dagster.", no_args_is_help=True)


@app.callback()
def workspace() -> None:
    """Run several organisations in one Dagster."""


@app.command()
@command
def add(
    env_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Env file of the organisation: org9417.env.")
    ],
) -> None:
    """Add an organisation: a code location with its own settings, data folder and asset keys.

    `dev`, `daemon` and `webserver` with the same ANALYTICS_DAGSTER_HOME serve it.
    """
    from analytics_pipeline.orchestration import workspace as files  # Dagster takes seconds

    added = files.add(env_file)
    print_info(
        f"{added.name} is in {added.settings.dagster_home / 'workspace.yaml'}, with the settings of"
        f" {added.env_file}. A running daemon takes it up within two minutes; in the UI press"
        " Deployment, Reload all."
    )


@app.command(name="list")
@tabular
def list_() -> None:
    """List the organisations with their env files and folders.

    Exit codes: 0 done, 2 settings of an organisation are unusable.
    """
    from analytics_pipeline.orchestration import workspace as files

    rows, code = [], DONE
    organisations = files.env_files(load_settings())
    if not organisations:
        print_info("No organisation is listed. Add one: `analytics-pipeline workspace add FILE`.")
    for name, file in organisations.items():
        data, published = "", ""
        try:
            settings = files.organisation(file).settings
            data, published = str(settings.data_dir), str(settings.published_path)
        except PipelineError as error:
            print_error(str(error))
            code = UNUSABLE
        rows.append((name, str(file), data, published))
    columns = ["organisation", "env file", "data folder", "published file"]
    table("Workspace", columns, rows, unbroken=columns)
    raise typer.Exit(code)


@app.command()
@command
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The organisation: org9417.")],
) -> None:
    """Remove an organisation. Its data, and its history in Dagster, stay."""
    from analytics_pipeline.orchestration import workspace as files

    settings = load_settings()
    env_file = files.remove(settings, name)
    print_info(
        f"{name} is no longer in the workspace. Its settings ({env_file}) and its data are kept."
    )
