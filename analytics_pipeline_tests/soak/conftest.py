"""Starting points of the soak suites: the folders of an organisation in several states, made once
by the real command line.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.sql_models.project import default_folder
from analytics_pipeline_tests.cli.conftest import (  # noqa: F401
    YESTERDAY,
    data,
    environment,
    organisation,
    run,
    spawn,
)
from analytics_pipeline_tests.faults.conftest import impatient  # noqa: F401
from analytics_pipeline_tests.soak.processes import Forked, command_line
from analytics_pipeline_tests.soak.trials import DATA, EXPORT, REPORT, State, Trial, unbroken

BEFORE = datetime.now(UTC) - timedelta(days=2)


@dataclass(frozen=True)
class Made:
    """Starting points of trials."""

    folder: Path
    vocareum: DemoVocareum
    environment: dict[str, str]
    last_night: dict[str, bytes]
    night_before: dict[str, bytes]

    def trial(self, name: str, before: Path, *arguments: str, line: str = "") -> Trial:
        """Run a command on a folder, with everything delivered."""
        self.deliver()
        return unbroken(before, self.folder / f"{name}, after", arguments, self.environment, line)

    def deliver(self) -> None:
        """Fill the bucket as after the last night."""
        self.vocareum.clear()
        self.vocareum.put_many(self.night_before, BEFORE)
        changed = {
            key: body for key, body in self.last_night.items() if self.night_before.get(key) != body
        }
        self.vocareum.put_many(changed, BEFORE + timedelta(days=1))

    def copy(self, state: State, name: str) -> Path:
        """Copy a folder, to turn it into another trial's starting point."""
        return self.copy_to(state, self.folder / name)

    def copy_to(self, state: State, folder: Path) -> Path:
        """Copy a folder, to change it."""
        return Path(shutil.copytree(state.folder, folder, dirs_exist_ok=True))


def someone(state: State) -> str:
    """Return the id of a person who is in files, tables and marts, and a partner in another
    person's row.
    """
    with duckdb.connect(
        str(state.folder / DATA / "warehouse.duckdb"), read_only=True
    ) as connection:
        [(person,)] = connection.execute(
            """SELECT min(userid) FROM raw.enrollment
               WHERE userid IN (SELECT partnerid FROM raw.grades)
               AND userid IN (SELECT user_id FROM raw.lab_sessions)
               AND userid IN (SELECT user_id FROM raw.aws_cost)"""
        ).fetchall()
    return str(person)


@pytest.fixture(scope="session")
def made(
    vocareum: DemoVocareum,
    organisation: Organisation,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    settings = {
        **vocareum.environment,
        "VOCAREUM_START_DATE": (YESTERDAY - timedelta(days=40)).replace(day=1).isoformat(),
        "DAGSTER_HOME": "",
        "PUBLISH_PII": "true",
    }
    last_night, night_before = (
        organisation.files(),
        organisation.files(YESTERDAY - timedelta(days=1)),
    )
    return Made(tmp_path_factory.mktemp("trials"), vocareum, settings, last_night, night_before)


@pytest.fixture(scope="session")
def first(made: Made) -> Trial:
    """The very first sync, of everything delivered by the last night."""
    (made.folder / "nothing").mkdir()
    return made.trial("first", made.folder / "nothing", "sync")


@pytest.fixture(scope="session")
def night(made: Made) -> Trial:
    """A sync that finds a night's new and changed files."""
    made.vocareum.clear()
    made.vocareum.put_many(made.night_before, BEFORE)
    (made.folder / "nobody").mkdir()
    earlier = unbroken(
        made.folder / "nobody", made.folder / "night before", ("sync",), made.environment
    )
    return made.trial("night", earlier.after.folder, "sync")


@pytest.fixture(scope="session")
def returning(made: Made, night: Trial) -> Trial:
    """The same sync, with files of a person who was erased before."""
    folder = made.folder / "erased"
    unbroken(
        night.before.folder,
        folder,
        ("erase", "--user-id", someone(night.before), "--yes"),
        made.environment,
    )
    return made.trial("returning", folder, "sync")


@pytest.fixture(scope="session")
def models(made: Made, night: Trial) -> Trial:
    """A sync without new files but with changed SQL of every model; the marts were empty before,
    without a test that would notice.
    """
    older = Path(shutil.copytree(default_folder(), made.folder / "older models"))
    for file in older.glob("marts/*.sql"):
        file.write_text(file.read_text() + "\nLIMIT 0\n")
    for file in older.glob("tests/*.sql"):
        file.unlink()
    folder = made.copy(night.after, "older models built")
    output = folder.with_name("older models.output")
    settings = {**made.environment, "ANALYTICS_DATA_DIR": DATA}
    process = Forked(command_line, ("sync",), settings, folder, output, older)
    assert process.wait() == 0, output.read_text()
    return made.trial("models", folder, "sync", line="Rebuilding")


@pytest.fixture(scope="session")
def publishing(made: Made, night: Trial) -> Trial:
    """A publication of a night's news, replacing the previous night's file."""
    folder = made.copy(night.after, "to be published")
    shutil.copy(night.before.folder / DATA / "analytics.duckdb", folder / DATA)
    earlier = unbroken(
        night.before.folder,
        made.folder / "exported",
        ("publish", "--parquet", EXPORT),
        made.environment,
    )
    shutil.copytree(earlier.after.folder / EXPORT, folder / EXPORT)
    return made.trial("publishing", folder, "publish", "--parquet", EXPORT)


@pytest.fixture(scope="session")
def erasing(made: Made, night: Trial) -> Trial:
    """The erasure of a person."""
    return made.trial(
        "erasing", night.after.folder, "erase", "--user-id", someone(night.after), "--yes"
    )


@pytest.fixture(scope="session")
def reporting(made: Made, night: Trial) -> Trial:
    """The report of a night's news, replacing the previous night's report."""
    folder = made.copy(night.after, "to be reported")
    earlier = unbroken(night.before.folder, made.folder / "reported", ("report",), made.environment)
    shutil.copy(earlier.after.folder / DATA / REPORT, folder / DATA)
    return made.trial("reporting", folder, "report")
