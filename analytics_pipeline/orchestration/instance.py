"""The Dagster instance under ANALYTICS_DATA_DIR: storage of runs, events and schedules."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from analytics_pipeline.orchestration.dagster_files import damaged_database
from analytics_pipeline.orchestration.dagster_yaml import is_ours, our_text
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.atomic_write import private_file
from analytics_pipeline.storage.folders import (
    FolderUnusable,
    closed_to_us,
    keep_private,
    private_umask,
)

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parent.parent


def prepare_home(settings: Settings) -> Path:
    """Create DAGSTER_HOME with the project's dagster.yaml, and set the variable for this process.

    A dagster.yaml that an operator wrote or edited is kept, and so is the mode of a folder that
    ANALYTICS_DAGSTER_HOME names.

    Raises:
        DagsterDamaged: a database in it is damaged.
        FolderUnusable: it, or a folder in it, can't be read and written.
    """
    home = settings.dagster_home
    if damaged := damaged_database(home):
        raise damaged
    target = home / "dagster.yaml"
    if is_ours(target) and (closed := closed_to_us(home)):  # SQLite would not name it
        raise FolderUnusable(
            f"The folder {closed} can't be read and written.",
            "Dagster's records are there: give it to your user, and run the same command again.",
        )
    if settings.own_dagster_home is None:
        keep_private(settings.data_dir)
    if not is_ours(target):
        logger.info("%s was not written by the pipeline, and is used as it is.", target)
    elif not target.exists() or target.read_bytes() != our_text():
        with private_file(target) as file:
            file.write(our_text())
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the persistent instance; create it if it is missing.

    Raises:
        DagsterDamaged: a database of it is damaged.
    """
    prepare_home(settings)
    with private_umask():
        return dg.DagsterInstance.get()


def heartbeats(settings: Settings) -> list[datetime]:
    """Return the last heartbeats (UTC) of Dagster's daemon, wherever they are stored."""
    with open_instance(settings) as instance:
        found = instance.get_daemon_heartbeats().values()
    return [datetime.fromtimestamp(heartbeat.timestamp, UTC) for heartbeat in found]


def project_file(name: str) -> Path:
    """Return a top-level file of a checkout, or its copy in an installed package."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.exists() else _PACKAGE.parent / name
