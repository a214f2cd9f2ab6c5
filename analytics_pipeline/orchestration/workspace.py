"""The organisations that share a Dagster instance: one code location and one env file each.

`workspace.yaml` in DAGSTER_HOME names the code locations. Dagster's format has no environment for a
location, so each one is a small Python file that names its env file. Neither file holds a secret.
"""

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analytics_pipeline.env_file import settings_of
from analytics_pipeline.errors import PipelineError
from analytics_pipeline.orchestration.instance import project_file
from analytics_pipeline.settings import Settings, SettingsError, require
from analytics_pipeline.storage.atomic_write import private_file

_MARK = "# `analytics-pipeline workspace add` and `remove` replace this file.\n"
_ENTRY = """  - python_file:
      relative_path: locations/{name}.py
      location_name: {name}
"""
_MODULE = '''"""Code location {name}. Written by `analytics-pipeline workspace add`."""

from pathlib import Path

from analytics_pipeline.orchestration.code_location import load_code_location

defs = load_code_location(Path({file!r}))
'''


class WorkspaceError(PipelineError):
    """An organisation can't be added to the workspace, or removed from it."""


@dataclass(frozen=True)
class Organisation:
    """An organisation of a workspace.

    Attributes:
        name: of its code location, and prefix of its asset keys, such as `org9417`.
        env_file: the file with its settings.
        settings: its settings.
    """

    name: str
    env_file: Path
    settings: Settings


def workspace_file(settings: Settings) -> Path:
    """Return the workspace.yaml that Dagster's programs load: of DAGSTER_HOME if organisations were
    added to it, else the package's, with one code location.
    """
    own = settings.dagster_home / "workspace.yaml"
    return own if own.exists() else project_file("workspace.yaml")


def env_files(settings: Settings) -> dict[str, Path]:
    """Return the env file of each organisation in the workspace, by the name of its location."""
    return dict(_locations(settings.dagster_home))


def served(settings: Settings, on_error: Callable[[str], None]) -> list[Settings]:
    """Return the settings of each organisation that a daemon serves: those of the workspace, else
    the given ones.

    Args:
        settings: of the process.
        on_error: called with the message if an organisation's settings can't be used; its code
            location does not load, and the others do.
    """
    files = env_files(settings)
    if not files:
        return [settings]
    found = []
    for file in files.values():
        try:
            found.append(organisation(file).settings)
        except PipelineError as error:
            on_error(str(error))
    return found


def organisation(env_file: Path) -> Organisation:
    """Return the organisation of an env file.

    Raises:
        SettingsError: another user could have written the file, or a setting is missing or wrong.
        WorkspaceError: the settings don't separate it from other organisations.
    """
    try:
        settings = require(settings_of(env_file))
    except SettingsError as error:
        text = str(error)
        raise SettingsError(text if str(env_file) in text else f"{env_file}: {text}") from None
    if not settings.has_key_prefix or settings.own_dagster_home is None:
        raise WorkspaceError(
            f"{env_file} lacks what separates organisations in one Dagster instance.",
            "Set ANALYTICS_KEY_PREFIX=true, and ANALYTICS_DAGSTER_HOME to the folder of the"
            " instance that they share.",
        )
    named = {
        **_own_folders(settings),
        "ANALYTICS_DAGSTER_HOME": settings.own_dagster_home,
        "BUDGETS_FILE": settings.budgets_file,
        "COURSE_LABELS_FILE": settings.course_labels_file,
        "ANALYTICS_WAREHOUSE_DATA": _folder_of_lake(settings),
    }
    if relative := [name for name, path in named.items() if path and not path.is_absolute()]:
        raise WorkspaceError(
            f"{env_file}: give {' and '.join(relative)} as an absolute path:",
            "Dagster's programs run in other folders.",
        )
    return Organisation(settings.key_prefix, env_file, settings)


def add(env_file: Path) -> Organisation:
    """Add an organisation to the workspace of the instance that its settings name.

    Idempotent.

    Raises:
        SettingsError: see `organisation`.
        WorkspaceError: see `organisation`; or another organisation uses the same folders, or
            another env file the same organisation, or an operator wrote the workspace.yaml.
        OSError: a file can't be written.
    """
    added = organisation(env_file.expanduser().absolute())
    home = added.settings.dagster_home
    _require_ours(home)
    for name, file in _locations(home):
        if name != added.name:
            _require_apart(added, organisation(file))
        elif file != added.env_file:
            raise WorkspaceError(
                f"{name} is already in the workspace, with {file}.",
                f"Run `analytics-pipeline workspace remove {name}` first.",
            )
    with private_file(home / "locations" / f"{added.name}.py") as module:
        module.write(_MODULE.format(name=added.name, file=str(added.env_file)).encode())
    _write(home, dict(_locations(home)))
    return added


def remove(settings: Settings, name: str) -> Path:
    """Remove an organisation from the workspace; keep its data and its history in Dagster.

    Returns:
        Its env file.

    Raises:
        WorkspaceError: the workspace has no such organisation, or an operator wrote it.
    """
    home, files = settings.dagster_home, env_files(settings)
    if name not in files:
        raise WorkspaceError(
            f"The workspace of {home} has no {name}.",
            f"It has: {', '.join(files)}." if files else "It has no organisation.",
        )
    _require_ours(home)
    # First workspace.yaml: Dagster must not find a location whose file is gone.
    _write(home, files.keys() - {name})
    (home / "locations" / f"{name}.py").unlink()
    return files[name]


def _locations(home: Path) -> Iterator[tuple[str, Path]]:
    for module in sorted((home / "locations").glob("*.py")):
        found = re.search(r"^defs = load_code_location\(Path\((.+)\)\)$", module.read_text(), re.M)
        if found:
            yield module.stem, Path(ast.literal_eval(found[1]))


def _write(home: Path, names: Collection[str]) -> None:
    if not names:
        (home / "workspace.yaml").unlink(missing_ok=True)
        return
    with private_file(home / "workspace.yaml") as file:
        text = f"{_MARK}load_from:\n" + "".join(_ENTRY.format(name=name) for name in sorted(names))
        file.write(text.encode())


def _require_ours(home: Path) -> None:
    path = home / "workspace.yaml"
    if path.exists() and not path.read_text().startswith(_MARK):
        raise WorkspaceError(
            f"{path} was not written by `analytics-pipeline workspace`, and is kept.",
            "Move it away, or use another ANALYTICS_DAGSTER_HOME.",
        )


def _require_apart(added: Organisation, other: Organisation) -> None:
    theirs = {path.resolve() for path in _own_folders(other.settings).values()}
    for name, path in _own_folders(added.settings).items():
        if path.resolve() in theirs:
            raise WorkspaceError(
                f"{added.env_file}: {other.name} already uses {path}.",
                f"Set {name} to another folder.",
            )


def _own_folders(settings: Settings) -> Mapping[str, Path]:
    """Return the folders that no other organisation may use, by variable."""
    return {
        "ANALYTICS_DATA_DIR": settings.data_dir,
        "ANALYTICS_PUBLISHED_DIR": settings.published_dir or settings.data_dir,
    }


def _folder_of_lake(settings: Settings) -> Path | None:
    """Return the folder of a lake's data files; None in S3 or without a lake."""
    place = settings.warehouse_data or ""
    return None if not place or place.startswith("s3://") else Path(place).expanduser()
