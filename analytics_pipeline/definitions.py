"""Dagster's entry point: the code location's definitions. Importing it touches no network, disk or database."""

import dagster as dg

from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import load_settings

defs: dg.Definitions = build_definitions(load_settings())
