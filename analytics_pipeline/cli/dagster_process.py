"""Become one of Dagster's processes, so that a service manager's signals reach it directly."""

import os
import sys
from typing import NoReturn

from analytics_pipeline.settings import Settings


def become(settings: Settings, module: str, *arguments: str) -> NoReturn:
    """Replace this process by a module of `orchestration`, with the workspace of these settings."""
    from analytics_pipeline.orchestration.workspace import workspace_file

    # If nobody responds, a tick reports it after a minute. Dagster's own timeout would end it just
    # then, blaming a code server.
    os.environ.setdefault("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "180")
    program = [sys.executable, "-m", f"analytics_pipeline.orchestration.{module}", *arguments]
    os.execv(sys.executable, [*program, "--workspace", str(workspace_file(settings))])  # noqa: S606
