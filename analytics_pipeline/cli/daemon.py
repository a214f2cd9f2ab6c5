"""`analytics-pipeline daemon`: Dagster's daemon alone, as a service."""

import os
import sys

from analytics_pipeline.cli.console import command, print_error, print_info
from analytics_pipeline.cli.feed_notice import feed_notice
from analytics_pipeline.settings import load_settings


@command
def daemon() -> None:
    """Start only the daemon: schedules and sensors.

    Refuses to start while another daemon uses the data folder.
    """
    from analytics_pipeline.operations.first_day import learn_before_start
    from analytics_pipeline.orchestration.daemon import hold_daemon_lock
    from analytics_pipeline.orchestration.instance import prepare_home, project_file

    settings = load_settings()
    home = prepare_home(settings)
    with hold_daemon_lock(settings):  # reports another daemon before this process is replaced
        print_info(f"Dagster's instance: {home}")
    if learned := learn_before_start(settings, print_error):
        print_info(f"The first day that Vocareum delivered is {learned}: partitions start with it.")
    if notice := feed_notice(settings):
        print_error(notice)
    os.environ.setdefault("DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS", "180")  # as in `dev`
    program = [sys.executable, "-m", "analytics_pipeline.orchestration.daemon", "run"]
    os.execv(sys.executable, [*program, "--workspace", str(project_file("workspace.yaml"))])  # noqa: S606
