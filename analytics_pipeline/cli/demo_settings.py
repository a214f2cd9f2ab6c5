"""The demo's settings: a simulated Vocareum, and nothing of a real organisation.

Simulated data must not reach a real lake, real analysts or a store, and its alerts no person.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analytics_pipeline.cli.console import fail
from analytics_pipeline.cli.env_file import chosen_env_file
from analytics_pipeline.datasets import classify
from analytics_pipeline.settings import Settings, load_settings, require
from analytics_pipeline.settings.simulated import is_simulated, mark_simulated
from analytics_pipeline.storage.atomic_write import private_file

if TYPE_CHECKING:  # the demo's packages are optional
    from analytics_pipeline.demo.organisation import Organisation
    from analytics_pipeline.demo.servers import DemoVocareum

SIMULATED = frozenset(
    {
        *("org_id", "api_token", "api_url", "bucket", "s3_endpoint_url", "region", "start_date"),
        *("budgets_file", "course_labels_file"),
    }
)
"""Settings that the demo replaces by those of its simulation."""
KEPT = frozenset(
    {
        *("data_dir", "publish_pii", "runs_kept_days", "feed_poll_seconds", "partitions_per_run"),
        *("asset_owners", "max_file_mb", "anomaly_floor_usd", "ui_url", "report_timezone"),
    }
)
"""Settings that the demo follows, as they lead nowhere outside of its data folder. It refuses all
others."""


_VARIABLES = {name: str(field.validation_alias) for name, field in Settings.model_fields.items()}


def own_settings() -> Settings:
    """Return the settings without an organisation, and claim the data folder for the demo.

    Ends the command if a setting leads to a real organisation's data or people, or if anything but
    a demo wrote into the data folder.
    """
    given = {name.upper() for name, value in os.environ.items() if value.strip()}
    refused = {name for field, name in _VARIABLES.items() if field not in SIMULATED | KEPT}
    if leading := ", ".join(sorted(given & refused)):
        fail(
            "The demo loads simulated data, which must not reach the data and people of your"
            f" organisation, but its settings are in force: {leading}. Give the demo an env file of"
            " its own:\n"
            "  echo ANALYTICS_DATA_DIR=demo-data > demo.env\n"
            f"  {shlex.join(program())} --env-file demo.env demo"
        )
    settings = load_settings()
    folder = settings.data_dir
    if not is_simulated(settings) and folder.is_dir() and any(folder.iterdir()):
        fail(
            f"{folder} holds files that no demo wrote, perhaps those of your organisation. Set"
            " ANALYTICS_DATA_DIR to a new folder, such as demo-data."
        )
    mark_simulated(settings)
    return settings


def use_simulation(
    vocareum: "DemoVocareum", organisation: "Organisation", settings: Settings
) -> Settings:
    """Set this process and its children to the simulated Vocareum; return all settings."""
    os.environ |= {
        **vocareum.environment,
        **_write_by_hand(settings, organisation.hand_written()),
        # The first daily and monthly partitions: the month of the first day.
        "VOCAREUM_START_DATE": organisation.spec.first_day.replace(day=1).isoformat(),
    }
    for name in _VARIABLES.values():
        os.environ.setdefault(name, "")  # so that no child takes it from a `.env`
    return require(load_settings())


def write_env_file(settings: Settings) -> Path:
    """Write an env file with the simulation's settings to the data folder; return its path."""
    path = settings.data_dir.absolute() / "demo.env"
    names = [_VARIABLES[field] for field in sorted(SIMULATED)]
    values = {name: os.environ[name] for name in names} | {
        "ANALYTICS_DATA_DIR": str(settings.data_dir.absolute())
    }
    quoted = {
        name: value.replace("\\", r"\\").replace("'", r"\'") for name, value in values.items()
    }
    with private_file(path) as file:
        file.write("".join(f"{name}='{value}'\n" for name, value in quoted.items()).encode())
    return path


def this_command(settings: Settings) -> str:
    """Return the start of a command line that uses the same settings as this process."""
    if env_file := chosen_env_file():
        return shlex.join([*program(), "--env-file", str(env_file)])
    if settings.data_dir == Settings.model_fields["data_dir"].default:
        return shlex.join(program())
    folder = shlex.quote(str(settings.data_dir.absolute()))
    return f"ANALYTICS_DATA_DIR={folder} {shlex.join(program())}"


def program() -> list[str]:
    """Return the words that start this program in a shell, also if it was run by `python -m`."""
    if Path(sys.argv[0]).name == "__main__.py":
        return [sys.executable, "-m", "analytics_pipeline"]
    return [sys.argv[0]]


def _write_by_hand(settings: Settings, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write budgets and course labels to the data folder; return the settings with their paths."""
    paths = {}
    for key, body in files.items():
        placed = classify(key.partition("/")[2])
        assert placed is not None and placed[0].setting is not None
        path = settings.data_dir.absolute() / key.partition("/")[2]
        with private_file(path) as file:
            file.write(body)
        paths[placed[0].setting] = str(path)
    return paths
