"""Dagster's entry point: the code location's definitions.

Importing it touches no network, disk or database.
"""

import atexit
import gc

import dagster as dg

from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.settings import load_settings

# Also ends Dagster's run processes: a final garbage collection took a second of each run.
atexit.register(gc.freeze)

defs: dg.Definitions = build_definitions(load_settings())
