"""Find and load `.env`, and refuse one that another user could have written.

`.env` names the host that receives the token. A parent folder may belong to another user, so
parents are not searched.
"""

import os
import stat
from io import StringIO
from pathlib import Path

from dotenv import load_dotenv

from analytics_pipeline.settings import SettingsError

_PROJECT = Path(__file__).resolve().parents[2]


def read_env_file(project: Path = _PROJECT) -> Path | None:
    """Load `.env` of the working folder, else of the project, into the environment.

    Variables already set are kept.

    Args:
        project: folder of the checkout; an installed package has none.

    Returns:
        The loaded file; None if there is none.

    Raises:
        SettingsError: another user owns the file or may write it, or it is not UTF-8.
        OSError: the file can't be read.
    """
    folders = [Path.cwd(), *([project] if (project / "pyproject.toml").exists() else [])]
    path = next((folder / ".env" for folder in folders if os.path.lexists(folder / ".env")), None)
    if path is None:
        return None
    with path.open("rb") as file:
        _require_trusted(path, path.lstat())
        _require_trusted(path, os.fstat(file.fileno()))
        content = file.read()
    try:
        load_dotenv(stream=StringIO(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise SettingsError(
            f"{path} is not UTF-8 (PowerShell's `>` writes UTF-16): save it as UTF-8."
        ) from None
    return path


def _require_trusted(path: Path, state: os.stat_result) -> None:
    if state.st_uid not in (os.geteuid(), 0):
        raise SettingsError(
            f"{path} belongs to another user (uid {state.st_uid}), who could send the API token to"
            " any address. Work in a folder of yours, or take ownership of the file."
        )
    if not stat.S_ISLNK(state.st_mode) and state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(
            f"{path} can be written by other users (mode {stat.S_IMODE(state.st_mode):o}), who"
            f" could send the API token to any address. Run: chmod 600 {path}"
        )
