"""`analytics-pipeline webserver`: the guarded Dagster UI alone, as a service."""

from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.cli.dagster_process import become
from analytics_pipeline.cli.options import PortOption
from analytics_pipeline.settings import load_settings


@command
def webserver(
    port: PortOption = 3000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Show everything; launch and change nothing.")
    ] = False,
) -> None:
    """Start the Dagster UI without its daemon.

    Listens on 127.0.0.1 and refuses requests sent by other web pages.
    """
    from analytics_pipeline.orchestration.instance import prepare_home

    settings = load_settings()
    prepare_home(settings)
    print_info(
        f"The UI: http://127.0.0.1:{port}, for people {settings.ui_url} (DAGSTER_UI_URL). It has no"
        " login."
    )
    options = ["--host", "127.0.0.1", "--port", str(port), *(["--read-only"] if read_only else [])]
    become(settings, "ui.webserver", *options)
