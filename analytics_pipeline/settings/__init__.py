"""The settings: names, defaults, and what to do when one is missing.

Values come only from the environment, into which the command line first loads `.env`
(`env_file.py`).
"""

from analytics_pipeline.settings.declarations import PARTITIONS_PER_RUN
from analytics_pipeline.settings.derived import Settings
from analytics_pipeline.settings.load import SettingsError, load_settings, require

__all__ = ["PARTITIONS_PER_RUN", "Settings", "SettingsError", "load_settings", "require"]
