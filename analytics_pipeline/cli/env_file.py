"""Find and load the env file: `--env-file`, else `.env` of the working folder or the project.

A parent folder may belong to another user, so parents are not searched.
"""

import os
from pathlib import Path

from analytics_pipeline.env_file import read_values, use_env_file

_PROJECT = Path(__file__).resolve().parents[2]
_chosen: Path | None = None


def choose_env_file(path: Path | None) -> None:
    """Let the next command load this file (`--env-file`); None for `.env`."""
    global _chosen
    _chosen = path


def chosen_env_file() -> Path | None:
    """Return the file of `--env-file`; None if it was not given."""
    return _chosen


def find_env_file(project: Path = _PROJECT) -> Path | None:
    """Return the chosen file, or `.env` of the working folder, else of the project.

    Args:
        project: folder of the checkout; an installed package has none.
    """
    if _chosen:
        return _chosen
    folders = [Path.cwd(), *([project] if (project / "pyproject.toml").exists() else [])]
    return next((folder / ".env" for folder in folders if os.path.lexists(folder / ".env")), None)


def read_env_file(project: Path = _PROJECT) -> Path | None:
    """Load the file of `find_env_file` into the environment.

    A chosen file alone decides every setting. With `.env`, variables already set are kept.

    Args:
        project: as for `find_env_file`.

    Returns:
        The loaded file; None if there is none.

    Raises:
        SettingsError: another user owns the file or may write it, or it is not UTF-8.
        OSError: the file can't be read.
    """
    if _chosen:
        use_env_file(_chosen)
        return _chosen
    path = find_env_file(project)
    if path is None:
        return None
    for name, value in read_values(path).items():
        os.environ.setdefault(name, value)
    return path
