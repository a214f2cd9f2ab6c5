"""`analytics-pipeline dev`: the Dagster UI and its daemon, on this machine alone."""

import os
import socket
import sys
from typing import Annotated

import typer

from analytics_pipeline.cli.console import command, fail, print_info
from analytics_pipeline.settings import load_settings


@command
def dev(port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI.")] = 3000) -> None:
    """Start the Dagster UI and its daemon.

    On 127.0.0.1 alone, as the UI has no login, and for requests of its own pages alone; with the persistent instance under
    ANALYTICS_DATA_DIR.
    """
    from analytics_pipeline.orchestration.daemon import only_daemon
    from analytics_pipeline.orchestration.instance import prepare_home, project_file

    settings = load_settings()
    home = prepare_home(settings)
    with only_daemon(settings):  # to name the other one before this process is replaced; its daemon holds the lock
        pass
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        fail(f"The UI can't listen on port {port} ({error.strerror}): end what does, or give another one with --port.")
    print_info(
        f"Dagster's instance: {home}\nThe UI: http://127.0.0.1:{port} (it has no login: this machine alone reaches it)"
    )
    os.umask(0o077)
    # `dagster dev` is superseded by `dg dev`, which would be one more package for the same two processes.
    os.environ["PYTHONWARNINGS"] = "ignore"
    # Where nobody answers, a tick says so after a minute; Dagster's own patience ends just then, with words about a code server.
    os.environ.setdefault("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "180")
    workspace = ["--workspace", str(project_file("workspace.yaml"))]
    program = [sys.executable, "-m", "analytics_pipeline.orchestration.ui.webserver", "dev"]
    os.execv(sys.executable, [*program, "--host", "127.0.0.1", "--port", str(port), *workspace])  # noqa: S606
