"""Rebuild the models and the published file after a command has changed the warehouse."""

from collections.abc import Sequence

from analytics_pipeline.cli.console import print_error, print_info
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.disk import translate_disk_full


def rebuild(settings: Settings, command: str = "sync", loaded: Sequence[Delivery] = ()) -> bool:
    """Record loaded files in Dagster, rebuild stale models and publish; return whether it worked.

    Args:
        settings: the organisation's settings.
        command: tag of the runs.
        loaded: files that were loaded without a run.
    """
    from analytics_pipeline.orchestration import sync as engine  # Dagster takes seconds to import
    from analytics_pipeline.orchestration.definitions import build_definitions
    from analytics_pipeline.orchestration.instance import open_instance
    from analytics_pipeline.orchestration.replayed import record_replayed

    with translate_disk_full(settings.dagster_home), open_instance(settings) as instance:
        record_replayed(settings, instance, loaded, command)
        run = engine.rebuild(
            settings,
            build_definitions(settings),
            instance,
            lambda: print_info("Rebuilding the models and publishing."),
            command,
        )
    if run and not run.success:
        print_error(engine.failure_text(run))
    return run is None or run.success
