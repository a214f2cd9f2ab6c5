"""The Dagster instance under ANALYTICS_DATA_DIR: where runs, events and schedules are kept."""

import os
from pathlib import Path

import dagster as dg

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.folders import keep_private
from analytics_pipeline.storage.private_files import private_file
from analytics_pipeline.warehouse.connection import private_files

_PACKAGE = Path(__file__).resolve().parent.parent


def prepare_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME with the project's dagster.yaml, and point this process to it."""
    keep_private(settings.data_dir)
    home = settings.dagster_home
    with private_file(home / "dagster.yaml") as file:
        file.write(project_file("dagster.yaml").read_bytes())
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The persistent instance, made if need be."""
    prepare_home(settings)
    with private_files():
        return dg.DagsterInstance.get()


def project_file(name: str) -> Path:
    """A top-level file of a checkout, or its copy in an installed package."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.exists() else _PACKAGE.parent / name
