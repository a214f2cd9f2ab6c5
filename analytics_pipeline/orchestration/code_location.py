"""The code location of one organisation among several. `workspace.py` writes the file that calls
this.
"""

import atexit
import gc
import os
from pathlib import Path

import dagster as dg

from analytics_pipeline.env_file import use_env_file
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.workspace import organisation


def load_code_location(env_file: Path) -> dg.Definitions:
    """Return an organisation's definitions. Its env file alone decides the settings of this
    process, and of its runs.

    Raises:
        SettingsError: another user could have written the file, or a setting is missing or wrong.
        WorkspaceError: the settings don't separate it from other organisations.
    """
    found = organisation(env_file)
    use_env_file(env_file)
    os.umask(0o077)
    atexit.register(gc.freeze)  # as in `analytics_pipeline/definitions.py`
    return build_definitions(found.settings)
