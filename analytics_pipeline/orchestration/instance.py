"""The Dagster instance under ANALYTICS_DATA_DIR: storage of runs, events and schedules."""

import logging
import os
from hashlib import sha256
from pathlib import Path

import dagster as dg

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.folders import keep_private
from analytics_pipeline.storage.private_files import private_file
from analytics_pipeline.warehouse.connection import private_files

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parent.parent
_TEXT = Path(__file__).with_name("instance.yaml")
_SIGNED = "# analytics-pipeline replaces this file at every start, unless you edit it. Unedited: {}\n"
_EARLIER = frozenset(
    {
        "f28941578f56c5a0d5de2042541a814fb38894fe6f74611113f7cb91094d59e6",
        "5513f6deef709c93c644b7db50045c711c7acaa61965b08983363c8ea8a21a7a",
    }
)
"""SHA-256 of the unsigned files that earlier releases wrote."""


def prepare_home(settings: Settings) -> Path:
    """Create DAGSTER_HOME with the project's dagster.yaml, and set the variable for this process.

    A dagster.yaml that an operator wrote or edited is kept.
    """
    keep_private(settings.data_dir)
    home = settings.dagster_home
    target = home / "dagster.yaml"
    if _is_ours(target):
        with private_file(target) as file:
            file.write(_signed(_TEXT.read_bytes()))
    else:
        logger.info("%s was not written by the pipeline, and is used as it is.", target)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _is_ours(path: Path) -> bool:
    """Return whether one of our releases wrote the file and nobody edited it since; a missing file counts as ours."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return True
    return sha256(content).hexdigest() in _EARLIER or content == _signed(content.partition(b"\n")[2])


def _signed(text: bytes) -> bytes:
    return _SIGNED.format(sha256(text).hexdigest()).encode() + text


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the persistent instance; create it if it is missing."""
    prepare_home(settings)
    with private_files():
        return dg.DagsterInstance.get()


def project_file(name: str) -> Path:
    """Return a top-level file of a checkout, or its copy in an installed package."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.exists() else _PACKAGE.parent / name
