"""Refuse a command while Dagster could write the warehouse."""

from datetime import UTC, datetime

from analytics_pipeline.cli.console import fail
from analytics_pipeline.cli.overview import daemon_heartbeat, is_recent, own_dagster_yaml
from analytics_pipeline.settings import Settings


def refuse_while_alive(settings: Settings) -> None:
    """End the command while Dagster's daemon or a run could write the warehouse."""
    own = own_dagster_yaml(settings)
    heartbeat = daemon_heartbeat(settings.dagster_home)
    if own:
        # It may name another storage than the file above.
        from analytics_pipeline.orchestration.instance import newest_heartbeat

        heartbeat = newest_heartbeat(settings) or heartbeat
    if is_recent(heartbeat, datetime.now(UTC)):
        fail(
            "Dagster's daemon is alive, or was within the last five minutes. Stop it, wait five"
            " minutes, and run the command again. Nothing was changed."
        )
    if not own and not (settings.dagster_home / "history").exists():
        return
    # Dagster takes seconds to import.
    from analytics_pipeline.orchestration.asset_keys import Location
    from analytics_pipeline.orchestration.instance import open_instance
    from analytics_pipeline.orchestration.runs.processes import living_runs

    with open_instance(settings) as instance:
        alive = living_runs(instance, Location.of(settings))
    if alive:
        fail(
            f"Run {alive[0]} is in progress{f', and {len(alive) - 1} more' if alive[1:] else ''}."
            " Wait for it to end, or cancel it in the Dagster UI, and run the command again."
            " Nothing was changed."
        )
