"""Run Dagster's web server with the guard; and run `dagster dev` with this server and our daemon.

Both replace names inside Dagster's web server and `dagster dev`. `guard.py` decides what is
refused.
"""

import sys
from collections.abc import Sequence
from typing import Any

from analytics_pipeline.orchestration.dagster_private import DAEMON, dev_module
from analytics_pipeline.orchestration.ui.guard import Guard
from analytics_pipeline.settings import load_settings

_DAGSTERS, _OURS = "dagster_webserver", "analytics_pipeline.orchestration.ui.webserver"
_PROGRAMS = {_DAGSTERS: _OURS, DAEMON: "analytics_pipeline.orchestration.daemon"}
"""Programs that `dagster dev` starts, and their replacements."""


def serve() -> None:
    """Run `dagster-webserver` with its own options, guarded."""
    from dagster_webserver import app, cli

    class Guarded(app.DagsterWebserver):
        def create_asgi_app(self, **kwargs: Any) -> Any:
            return Guard(super().create_asgi_app(**kwargs), load_settings().ui_url)

    app.DagsterWebserver = Guarded  # type: ignore[misc]
    cli.dagster_webserver(auto_envvar_prefix="DAGSTER_WEBSERVER")


def develop(arguments: Sequence[str]) -> None:
    """Run `dagster dev` with these options, but with the guarded web server and our daemon.

    Raises:
        RuntimeError: Dagster starts its web server in an unknown way, so that it would be
            unguarded.
    """
    dev = dev_module()
    start, web_servers = dev.open_ipc_subprocess, 0

    def start_guarded(parts: Sequence[str], **kwargs: Any) -> Any:
        nonlocal web_servers
        web_servers += _DAGSTERS in parts
        if not web_servers:
            raise RuntimeError(
                "This release of Dagster starts another web server, which has no guard."
            )
        return start([_PROGRAMS.get(part, part) for part in parts], **kwargs)

    dev.open_ipc_subprocess = start_guarded
    dev.dev_command(list(arguments))


if __name__ == "__main__":
    develop(sys.argv[2:]) if sys.argv[1:2] == ["dev"] else serve()
