"""The Dagster instance under ANALYTICS_DATA_DIR: where runs, events and schedules are kept."""

import os
import shutil
from pathlib import Path

import dagster as dg

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.connection import private_files

_PACKAGE = Path(__file__).resolve().parent.parent


def prepare_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME with the project's dagster.yaml, and point this process to it."""
    home = settings.dagster_home
    with private_files():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_config(), home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The persistent instance, made if need be."""
    prepare_home(settings)
    with private_files():
        return dg.DagsterInstance.get()


def _config() -> Path:
    """dagster.yaml of a checkout, or of an installed package."""
    checkout = _PACKAGE.parent / "dagster.yaml"
    return checkout if checkout.exists() else _PACKAGE / "_dagster.yaml"
