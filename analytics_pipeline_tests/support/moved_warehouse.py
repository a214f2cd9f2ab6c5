"""A small warehouse that can move into a lake and back, and all that a move must keep."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.copy_tables import NOT_COPIED
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.lakes import lake_settings
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse
from analytics_pipeline_tests.support.postgres import Postgres

ENROLLMENT = HEADER["enrollment"] + "".join(
    f"{user}, 4051, Student, Ann, a{user}@v.com, k, u, 0, 1, 2026-01-01 00:00:00\n"
    for user in (1, 2, "x")
)


def everything(settings: Settings) -> dict[str, list[tuple[str, ...]]]:
    """Return every row of every table and view that a move must keep, sorted, as text."""
    with warehouse_of(settings).read() as connection:
        names = connection.execute(
            """SELECT table_schema || '.' || table_name FROM information_schema.tables
               WHERE table_catalog = current_database() AND table_name <> 'fence'"""
        ).fetchall()
        return {
            name: connection.execute(
                f"SELECT COLUMNS(*)::VARCHAR FROM {name} ORDER BY ALL"
            ).fetchall()
            for (name,) in names
            if name not in NOT_COPIED
        }


def differing(left: Mapping[str, object], right: Mapping[str, object]) -> list[str]:
    """Return the names of tables that are not in both, or not equal."""
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def write_env_file(path: Path, values: Mapping[str, str]) -> Path:
    """Write an env file that nobody else may write."""
    path.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
    path.chmod(0o600)
    return path


def lake_values(settings: Settings) -> dict[str, str]:
    """Return the variables that name a lake."""
    return {
        "ANALYTICS_WAREHOUSE": settings.warehouse_url.get_secret_value(),
        "ANALYTICS_WAREHOUSE_DATA": settings.warehouse_data or "",
    }


class House:
    """A small warehouse in a file, an empty lake, and the env files of both."""

    def __init__(self, folder: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        warehouse = Warehouse(folder)
        warehouse.load(warehouse.deliver({KEYS["enrollment"]: ENROLLMENT}))
        self.lake = lake_settings(postgres, folder)
        self.common = {"VOCAREUM_ORG_ID": "9001", "ANALYTICS_DATA_DIR": str(folder / "data")}
        self.file = Settings(**self.common)
        for name in ("VOCAREUM_API_TOKEN", "ANALYTICS_DAGSTER_HOME", "ANALYTICS_WAREHOUSE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("DAGSTER_HOME", "")
        self.use(self.common)

    def use(self, values: Mapping[str, str]) -> None:
        """Set variables for the following commands."""
        for name, value in values.items():
            self._monkeypatch.setenv(name, value)

    def lives_in_the_lake(self) -> None:
        """Move into the lake, and delete the file."""
        assert self.move_to_lake().exit_code == 0
        for path in (self.folder / "data").glob("warehouse.duckdb*"):
            path.unlink()
        self.use(lake_values(self.lake))

    def env_file(self, *parts: Mapping[str, str]) -> str:
        """Write an env file with these variables."""
        values = {name: value for part in parts for name, value in part.items()}
        return str(write_env_file(self.folder / "target.env", values))

    def move_to_lake(self, **changes: str) -> Result:
        """Move into the lake with changed settings."""
        return self.move(self.common, lake_values(self.lake), changes)

    def move_to_file(self, **changes: str) -> Result:
        """Move into a file with changed settings."""
        return self.move(self.common, changes)

    def move(self, *target: Mapping[str, str]) -> Result:
        """Move to the settings of an env file."""
        return CliRunner().invoke(app, ["move", "--to", self.env_file(*target)])

    def objects(self) -> set[str]:
        """Return the lake's data files with copied rows."""
        own = {"schema_version", "fence"}
        found = (self.folder / "lake").rglob("*.parquet")
        return {path.name for path in found if path.parent.name not in own}
