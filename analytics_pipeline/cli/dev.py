"""`analytics-pipeline dev`: the Dagster UI and its daemon, only on this machine."""

import os
import socket

from analytics_pipeline.cli.console import command, fail, print_info
from analytics_pipeline.cli.dagster_process import become
from analytics_pipeline.cli.feed_notice import print_notices
from analytics_pipeline.cli.options import PortOption
from analytics_pipeline.settings import load_settings


@command
def dev(port: PortOption = 3000) -> None:
    """Start the Dagster UI and its daemon.

    Listens only on 127.0.0.1, as the UI has no login, and only accepts requests from its own pages.
    Uses the persistent instance under ANALYTICS_DATA_DIR, or of ANALYTICS_DAGSTER_HOME.
    """
    from analytics_pipeline.orchestration.daemon import hold_daemon_lock
    from analytics_pipeline.orchestration.instance import prepare_home

    settings = load_settings()
    home = prepare_home(settings)
    # Report another daemon before this process is replaced. The new daemon takes the lock again.
    with hold_daemon_lock(settings):
        pass
    print_notices(settings)
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        fail(
            f"The UI can't listen on port {port} ({error.strerror}): stop the program that uses it,"
            " or choose another --port."
        )
    print_info(
        f"Dagster's instance: {home}\nThe UI: http://127.0.0.1:{port} (no login: reachable only"
        " from this machine)"
    )
    # `dagster dev` is superseded by `dg dev`, which needs one more package to start the same two
    # processes.
    os.environ["PYTHONWARNINGS"] = "ignore"
    become(settings, "ui.webserver", "dev", "--host", "127.0.0.1", "--port", str(port))
