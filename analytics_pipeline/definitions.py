"""Dagster's entry point: the code location's definitions. Importing it touches no network, disk or database."""

import atexit
import gc

import dagster as dg

from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import load_settings

# Dagster's run processes end by this, too: a last collection of what dies anyway took a second of each run.
atexit.register(gc.freeze)

defs: dg.Definitions = build_definitions(load_settings())
