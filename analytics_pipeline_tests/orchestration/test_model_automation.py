"""The models never miss a load, whenever it lands: with a request, while they are built, or between
two ticks.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from analytics_pipeline.orchestration.models.automation import REBUILD_ON_CHANGE

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

DAYS = dg.DailyPartitionsDefinition("2026-11-01", end_date="2026-11-20", timezone="UTC")


class Daemon:
    """An instance with a load, a model and the published file; ticks and runs like the daemon's,
    one at a time.
    """

    def __init__(self) -> None:
        @dg.asset(partitions_def=DAYS)
        def load() -> None: ...

        @dg.asset(deps=[load], automation_condition=REBUILD_ON_CHANGE)
        def model() -> None: ...

        @dg.asset(deps=[model], automation_condition=REBUILD_ON_CHANGE)
        def published() -> None: ...

        self._definitions = dg.Definitions(
            [load, model, published], executor=dg.in_process_executor
        )
        self._job = self._definitions.resolve_implicit_global_asset_job_def()
        self._instance = dg.DagsterInstance.ephemeral()
        self._cursor: Any = None
        self._day = 0

    def load(self) -> None:
        """Load one more day."""
        self._day += 1
        self._job.execute_in_process(
            asset_selection=[dg.AssetKey("load")],
            partition_key=f"2026-11-{self._day:02}",
            instance=self._instance,
        )

    def build(self) -> None:
        """Run the models."""
        self._job.execute_in_process(
            asset_selection=[dg.AssetKey("model"), dg.AssetKey("published")],
            instance=self._instance,
        )

    def tick(self) -> int:
        """Return how many assets are requested."""
        result = dg.evaluate_automation_conditions(
            self._definitions, self._instance, cursor=self._cursor
        )
        self._cursor = result.cursor
        return result.total_requested

    def settle(self) -> int:
        """Tick and build until nothing is requested; return the number of builds."""
        for builds in range(6):
            if not self.tick():
                return builds
            self.build()
        raise AssertionError("the models are built again and again")


def _before(daemon: Daemon) -> None:
    daemon.load()
    daemon.build()


def _while_it_runs(daemon: Daemon) -> None:
    daemon.build()  # it read before the load, although its end is recorded after it
    daemon.load()


def _after_a_tick(daemon: Daemon) -> None:
    assert not daemon.tick()
    daemon.load()
    daemon.build()


@pytest.mark.parametrize("land", [_before, _while_it_runs, _after_a_tick])
def test_a_load_during_a_models_run_is_built_by_the_next_run(land: Callable[[Daemon], None]):
    daemon = Daemon()
    daemon.load()
    daemon.settle()
    daemon.load()
    assert daemon.tick() == 2, "a load asks for the model and what is published"
    land(daemon)
    assert daemon.settle() >= 1, "the load that landed beside the run is never built"


def test_without_concurrent_loads_one_run_follows_a_load():
    daemon = Daemon()
    daemon.load()
    assert daemon.settle() == 1
    assert daemon.settle() == 0
