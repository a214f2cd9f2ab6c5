"""`analytics-pipeline daemon`: Dagster's daemon alone, as a service."""

from analytics_pipeline.cli.console import command, print_info
from analytics_pipeline.cli.dagster_process import become
from analytics_pipeline.cli.feed_notice import print_notices
from analytics_pipeline.settings import load_settings


@command
def daemon() -> None:
    """Start only the daemon: schedules and sensors.

    Refuses to start while another daemon uses the data folder of an organisation.
    """
    from analytics_pipeline.orchestration.daemon import hold_daemon_lock
    from analytics_pipeline.orchestration.instance import prepare_home

    settings = load_settings()
    home = prepare_home(settings)
    with hold_daemon_lock(settings):  # reports another daemon before this process is replaced
        print_info(f"Dagster's instance: {home}")
    print_notices(settings)
    become(settings, "daemon", "run")
