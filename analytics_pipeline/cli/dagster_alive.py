"""Refuse a command while Dagster could write the warehouse."""

from datetime import UTC, datetime

from analytics_pipeline.cli.console import fail, print_error
from analytics_pipeline.cli.heartbeat import dated_ahead, is_recent, nearest
from analytics_pipeline.cli.overview import own_dagster_yaml
from analytics_pipeline.orchestration.dagster_files import recorded_heartbeats
from analytics_pipeline.settings import Settings
from analytics_pipeline.words import named


def refuse_while_alive(settings: Settings) -> None:
    """End the command while Dagster's daemon or a run could write the warehouse.

    A heartbeat that is dated in the future does not count; the command says so and goes on.
    """
    now, found = datetime.now(UTC), recorded_heartbeats(settings.dagster_home)
    own = own_dagster_yaml(settings)
    if own:
        # It may name another storage than the file above.
        from analytics_pipeline.orchestration.instance import heartbeats

        found = heartbeats(settings) or found
    heartbeat = nearest(found, now)
    if is_recent(heartbeat, now):
        fail(
            "Dagster's daemon is alive, or was within the last five minutes. Stop it, wait five"
            " minutes, and run the command again. Nothing was changed."
        )
    if ahead := dated_ahead(heartbeat, now):
        print_error(ahead)
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
            f"In progress: run {named(alive, 1)}."
            " Wait for it to end, or cancel it in the Dagster UI, and run the command again."
            " Nothing was changed."
        )
