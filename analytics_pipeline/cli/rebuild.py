"""Rebuild the models and the published file after a command has changed the warehouse."""

from collections.abc import Sequence

from analytics_pipeline.cli.console import DONE, print_error, print_failing, print_info
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.disk import translate_disk_full
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.checks import read, withholding
from analytics_pipeline.warehouse.signature import signature


def rebuild(settings: Settings, command: str, loaded: Sequence[Delivery]) -> bool:
    """Record loaded files in Dagster, rebuild stale models and publish; print what is wrong then.

    Args:
        settings: the organisation's settings.
        command: tag of the runs.
        loaded: files that were loaded without a run.

    Returns:
        Whether nothing failed, and no check withholds a table.
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
    is_built = run is None or run.success
    if run and not is_built:
        print_error(engine.failure_text(run))
    signed = signature(settings.published_path) if run and is_built else None
    with warehouse_of(settings).open() as connection:
        failing = withholding(read(connection))
    code = print_failing(failing, signed.withheld if signed else ())
    return is_built and code == DONE
