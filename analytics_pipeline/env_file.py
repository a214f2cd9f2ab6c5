"""Read an env file, and refuse one that another user could have written: it names the host that
receives the token.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from analytics_pipeline.settings import Settings, SettingsError, load_settings


def read_values(path: Path) -> dict[str, str]:
    """Return the variables of an env file.

    Raises:
        SettingsError: another user owns the file or may write it, it is not UTF-8, or a line is
            no variable.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        _require_trusted(path, path.lstat())
        _require_trusted(path, os.fstat(file.fileno()))
        content = file.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(
            f"{path} is not UTF-8 (PowerShell's `>` writes UTF-16): save it as UTF-8."
        ) from None
    if number := _line_without_variable(text):
        raise SettingsError(
            f"{path}, line {number} is not a variable: write NAME=value, or begin a comment with #."
            " A value that begins with a quote must end with one."
        )
    values = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def _line_without_variable(text: str) -> int | None:
    """Return the number of the first line that sets no variable, though it is no comment.

    python-dotenv skips such a line, so that its setting would silently have its default.
    """
    for binding in parse_stream(StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            found = binding.original.string
            return binding.original.line + found[: -len(found.lstrip()) or None].count("\n")
    return None


def use_env_file(path: Path) -> None:
    """Let an env file alone decide every setting of this process: settings of the environment that
    the file does not name are unset, in whatever case, as they may be another organisation's.

    Raises:
        SettingsError, OSError: see `read_values`.
    """
    values = read_values(path)
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    for name in [name for name in os.environ if name.upper() in settings]:
        del os.environ[name]
    os.environ.update(values)


def settings_of(path: Path) -> Settings:
    """Return the settings according to an env file alone.

    Raises:
        SettingsError: another user could have written the file, it can't be read, or a value has
            the wrong form. The message names the file.
    """
    with settings_in_force(path) as settings:
        return settings


@contextmanager
def settings_in_force(path: Path) -> Iterator[Settings]:
    """Yield the settings according to an env file alone, with its variables in the environment.

    Raises:
        SettingsError: see `settings_of`.
    """
    with _environment_restored():
        try:
            use_env_file(path)
            settings = load_settings()
        except SettingsError as error:
            text = str(error)
            raise SettingsError(text if str(path) in text else f"{path}: {text}") from None
        except OSError as error:
            raise SettingsError(f"{path} can't be read: {error.strerror}.") from None
        yield settings


@contextmanager
def _environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
