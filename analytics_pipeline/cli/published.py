"""Get the published file for a command that reads it."""

from pathlib import Path

from analytics_pipeline.cli.console import print_error
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.published_file import published_file


def current_file(settings: Settings) -> Path:
    """Return the published file, fetched if a store has a newer one; say if that failed."""
    found = published_file(settings)
    if found.notice:
        print_error(found.notice)
    return found.path
