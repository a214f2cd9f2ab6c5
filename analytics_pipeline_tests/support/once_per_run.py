"""Starting points that cost seconds: made by the first worker that needs one, copied by others."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

shared_by_workers = True
"""False if a folder means nothing to other workers, as one of a lake: each worker has a server."""


def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None], version: str = ""
) -> Path:
    """Return this worker's copy of a folder that is made once per run of the tests.

    Args:
        factory: of the worker.
        name: of the folder, unique in the run.
        make: fill the folder; it is called again if it failed in another worker.
        version: what else the content depends on; workers with equal versions share it.
    """
    own = factory.getbasetemp()
    is_shared = shared_by_workers and "PYTEST_XDIST_WORKER" in os.environ
    shared = (own.parent if is_shared else own) / f"made once{version}"
    shared.mkdir(mode=0o700, exist_ok=True)
    with FileLock(shared / f"{name}.lock"):
        if not (shared / name).exists():
            partial = shared / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(partial)
            partial.rename(shared / name)
    copy = factory.mktemp(name)
    shutil.copytree(shared / name, copy, dirs_exist_ok=True)
    return copy
