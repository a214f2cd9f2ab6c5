"""The soak suites run the command line as `cli/` does."""

from analytics_pipeline_tests.cli.conftest import data, demo, environment, organisation, run, spawn  # noqa: F401
from analytics_pipeline_tests.faults.conftest import impatient  # noqa: F401
