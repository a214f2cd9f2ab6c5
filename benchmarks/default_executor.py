"""Our code location with Dagster's default executor, a process per step; only for comparison."""

import dagster as dg

from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import load_settings


def _with_default_executor(ours: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(assets=ours.assets, jobs=ours.jobs, resources=ours.resources)


defs = _with_default_executor(build_definitions(load_settings()))
