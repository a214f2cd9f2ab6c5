"""The installed command against the simulated Vocareum: in this process, or in its own process if
that matters.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import load_settings
from analytics_pipeline.vocareum import retry
from analytics_pipeline.vocareum.errors import VocareumError
from analytics_pipeline.vocareum.retry import LastFailure
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.moved_warehouse import House
from analytics_pipeline_tests.support.once_per_run import made_once
from analytics_pipeline_tests.support.postgres import Postgres
from analytics_pipeline_tests.support.sensor_ticks import Sensors
from analytics_pipeline_tests.support.today import YESTERDAY

COMMAND = Path(sys.executable).parent / "analytics-pipeline"

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    """A small organisation whose last day is yesterday: today has neither files nor a partition
    yet.
    """
    return Organisation(OrganisationSpec.small(last_day=YESTERDAY))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """ANALYTICS_DATA_DIR."""
    return tmp_path / "data"


@pytest.fixture
def environment(demo: DemoVocareum, data: Path) -> dict[str, str]:
    """All the settings."""
    start = YESTERDAY - timedelta(days=40)
    return {
        **demo.environment,
        "ANALYTICS_DATA_DIR": str(data),
        "VOCAREUM_START_DATE": start.replace(day=1).isoformat(),
    }


@pytest.fixture
def budgets_spent(monkeypatch: pytest.MonkeyPatch) -> list[VocareumError]:
    """Keep failures that used up a retry budget cached, however slow the machine is."""
    spent: list[VocareumError] = []
    remember = LastFailure.remember

    def count(self: LastFailure, error: VocareumError) -> VocareumError:
        spent.append(error)
        return remember(self, error)

    monkeypatch.setattr(LastFailure, "remember", count)
    monkeypatch.setattr(retry, "_CACHED", float("inf"))
    return spent


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process. Keywords change settings; None unsets one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")  # the command sets it; this restores the old value
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str, **changes: str | None) -> Result:
        with monkeypatch.context() as changed:
            for name, value in changes.items():
                changed.delenv(name) if value is None else changed.setenv(name, value)
            return CliRunner().invoke(app, arguments)

    return invoke


@pytest.fixture
def spawn(environment: dict[str, str], tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the installed command in its own process."""

    def start(*arguments: str, **changes: str) -> "subprocess.Popen[str]":
        settings: Mapping[str, str] = {**os.environ, **environment, **changes}
        return subprocess.Popen(
            [str(COMMAND), *arguments],
            env=settings,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


class FirstSync(NamedTuple):
    """What a first sync of the small organisation left and said."""

    data: Path
    exit_code: int
    output: str
    gets: int


@pytest.fixture(scope="session")
def first_sync(
    vocareum: DemoVocareum, organisation: Organisation, tmp_path_factory: pytest.TempPathFactory
) -> FirstSync:
    """The data folder after a first sync of the small organisation, its exit code and output, and
    the number of its GETs.
    """

    def sync(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(folder)
            patched.setenv("DAGSTER_HOME", "")
            for name, value in vocareum.environment.items():
                patched.setenv(name, value)
            patched.setenv("ANALYTICS_DATA_DIR", str(folder / "data"))
            patched.setenv(
                "VOCAREUM_START_DATE", (YESTERDAY - timedelta(days=40)).replace(day=1).isoformat()
            )
            vocareum.clear()
            vocareum.put_many(organisation.files())
            vocareum.clear_requests()
            result = CliRunner().invoke(app, ["sync"])
        said = [result.exit_code, result.output, vocareum.count("GET")]
        vocareum.clear()
        (folder / "said.json").write_text(json.dumps(said))

    folder = made_once(tmp_path_factory, "first sync", sync, version=f" {YESTERDAY}")
    return FirstSync(folder / "data", *json.loads((folder / "said.json").read_text()))


@pytest.fixture
def synced(
    first_sync: FirstSync, demo: DemoVocareum, organisation: Organisation, data: Path
) -> Path:
    """A copy of that data folder, with the same files still delivered."""
    shutil.copytree(first_sync.data, data)
    demo.put_many(organisation.files())
    demo.clear_requests()
    return data


@pytest.fixture
def sensors(run: Run) -> Iterator[Sensors]:
    """Ticks of sensors in the command's Dagster instance."""
    with open_instance(load_settings()) as instance:
        yield Sensors(instance)


@pytest.fixture
def house(tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> House:
    """A small warehouse that can move into a lake and back."""
    return House(tmp_path, postgres, monkeypatch)


def status_json(run: Run, **changes: str | None) -> tuple[int, dict[str, Any]]:
    """Return the exit code of `status --json`, and its document."""
    result = run("status", "--json", **changes)
    return result.exit_code, json.loads(result.stdout)


OTHER_COURSES = (
    b"org_id, org_name, course_id, course_name, create_method, parent_course_id\n"
    + b"".join(b"9001, O, %d, C, New,\n" % course for course in range(1, 8))
)
"""As many courses as the organisation has: a file that lost half of its rows would be held."""


def query(data: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query of the warehouse."""
    with open_warehouse(data / "warehouse.duckdb") as connection:
        return connection.execute(sql).fetchall()
