"""All definitions put together; tests build their own with other settings."""

import warnings
from typing import Any

import dagster as dg

from analytics_pipeline.orchestration.raw_assets import raw_assets
from analytics_pipeline.orchestration.resources import build_resources
from analytics_pipeline.settings import Settings

# multi_run backfills are beta in Dagster 1.13: one warning for each asset tells nobody anything.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def build_definitions(settings: Settings, overrides: dict[str, Any] | None = None) -> dg.Definitions:
    """The code location.

    Args:
        settings: where data lies and when it begins; what only a run needs may be missing.
        overrides: resources in place of the usual ones, for tests.
    """
    return dg.Definitions(
        assets=raw_assets(settings.start_date),
        resources={**build_resources(settings), **(overrides or {})},
        # A step in a process of its own costs 2.5 to 4 s of CPU for imports alone.
        executor=dg.in_process_executor,
    )
