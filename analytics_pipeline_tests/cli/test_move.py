"""`move`: from a file into a lake and back; what is refused; a damaged and a killed copy."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.copy_tables import NOT_COPIED, Databases
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.lakes import lake_settings
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse
from analytics_pipeline_tests.support.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.thorough

ENROLLMENT = HEADER["enrollment"] + "".join(
    f"{user}, 4051, Student, Ann, a{user}@v.com, k, u, 0, 1, 2026-01-01 00:00:00\n"
    for user in (1, 2, "x")
)
KILLED = """
import os, signal, sys
from analytics_pipeline.cli import app
from analytics_pipeline.warehouse.copy_tables import Databases

copy = Databases.copy

def killed(self, table, columns):
    copy(self, table, columns)
    if table == "quarantine.rejects":
        os.kill(os.getpid(), signal.SIGKILL)

Databases.copy = killed
app(["move", "--to", sys.argv[1]])
"""


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


@pytest.mark.slow
def test_a_warehouse_moves_into_a_lake_and_back_and_each_sync_finds_nothing_to_do(
    run: Run,
    synced: Path,
    demo: DemoVocareum,
    environment: dict[str, str],
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    named = lake_values(lake_settings(postgres, tmp_path))
    to_lake = write_env_file(tmp_path / "lake.env", environment | named)
    to_file = write_env_file(tmp_path / "file.env", environment)
    file, lake = (
        Settings(
            VOCAREUM_ORG_ID=environment["VOCAREUM_ORG_ID"], ANALYTICS_DATA_DIR=str(synced), **more
        )
        for more in ({}, named)
    )
    before, content = everything(file), file.warehouse_path.read_bytes()
    assert {"marts.spend_days", "raw.grades", "history.grades", "staging.grades"} <= before.keys()
    assert before["marts.spend_days"] and before["quarantine.rejects"] and before["ops.model_days"]

    moved = run("move", "--to", str(to_lake))
    assert moved.exit_code == 0, moved.output
    assert f"delete it: rm -r {file.warehouse_path}*" in moved.output
    assert PASSWORD not in moved.output
    assert file.warehouse_path.read_bytes() == content, "the source is unchanged"
    assert differing(before, everything(lake)) == []
    after = sync_finds_nothing(run, demo, lake, before, **named)
    new_home = {"ANALYTICS_DAGSTER_HOME": str(tmp_path / "another machine's"), **named}
    sync_finds_nothing(run, demo, lake, before, **new_home)

    after = everything(lake)
    for old in synced.glob("warehouse.duckdb*"):
        old.unlink()
    back = run("move", "--to", str(to_file), **named)
    assert back.exit_code == 0, back.output
    assert 'DROP SCHEMA "org9001" CASCADE' in back.output
    assert PASSWORD not in back.output
    assert differing(after, everything(file)) == []
    sync_finds_nothing(run, demo, file, before)


def sync_finds_nothing(
    run: Run,
    demo: DemoVocareum,
    settings: Settings,
    before: Mapping[str, object],
    **changes: str,
) -> None:
    """Sync, and compare what was loaded and built with what was there before."""
    demo.clear_requests()
    result = run("sync", **changes)
    assert (result.exit_code, demo.count("GET")) == (0, 0), result.output
    assert " 0 new, 0 changed," in result.output
    data = ("raw.", "history.", "quarantine.", "marts.", "staging.", "ops.loaded_files")
    assert [name for name in differing(before, everything(settings)) if name.startswith(data)] == []


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


@pytest.fixture
def house(tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, postgres, monkeypatch)


def test_a_move_that_was_completed_says_so_and_copies_nothing(house: House) -> None:
    first, objects = house.move_to_lake(), house.objects()
    again = house.move_to_lake()
    assert (first.exit_code, again.exit_code) == (0, 0), again.output
    assert "is copied to" in first.output
    assert "was copied before to" in again.output
    assert house.objects() == objects
    house.lives_in_the_lake()
    assert "is copied to" in house.move_to_file().output
    assert "was copied before to" in house.move_to_file().output


def _loads_more(settings: Settings) -> None:
    with warehouse_of(settings).open() as connection:
        connection.execute("UPDATE raw.enrollment SET role = 'Teacher' WHERE userid = 1")


def test_a_lake_with_other_rows_is_refused_and_stays_as_it_is(house: House) -> None:
    assert house.move_to_lake().exit_code == 0
    _loads_more(house.lake)
    before, objects = everything(house.lake), house.objects()
    refused = house.move_to_lake()
    assert refused.exit_code == 2, refused.output
    assert "is not empty: it holds files of org9001. Nothing was copied." in refused.output
    assert 'DROP SCHEMA "org9001" CASCADE' in refused.output
    assert differing(before, everything(house.lake)) == []
    assert house.objects() == objects


@pytest.mark.slow
def test_a_file_with_other_rows_is_refused_and_stays_as_it_is(house: House) -> None:
    assert house.move_to_lake().exit_code == 0
    house.use(lake_values(house.lake))
    _loads_more(house.file)
    content = house.file.warehouse_path.read_bytes()
    refused = house.move_to_file()
    assert refused.exit_code == 2, refused.output
    assert "is not empty: it holds files of org9001. Nothing was copied." in refused.output
    assert f"delete it: rm -r {house.file.warehouse_path}*" in refused.output
    assert house.file.warehouse_path.read_bytes() == content


@pytest.mark.slow
def test_the_printed_commands_delete_the_old_warehouse_and_it_can_move_again(
    house: House, postgres: Postgres
) -> None:
    def delete(output: str) -> None:
        [command] = re.findall(r"delete it: (.*)", output)
        search = f"{postgres.programs}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", command], env={**os.environ, "PATH": search}, check=True)

    before = everything(house.file)
    delete(house.move_to_lake().output)
    assert not list((house.folder / "data").glob("warehouse.duckdb*"))
    house.use(lake_values(house.lake))
    delete(house.move_to_file().output)
    assert not warehouse_of(house.lake).exists()
    assert not (house.folder / "lake" / "org9001").exists()
    house.use({"ANALYTICS_WAREHOUSE": ""})
    assert house.move_to_lake().exit_code == 0
    assert differing(before, everything(house.lake)) == []
    assert warehouse_of(house.lake).replaced_at() == 0, "it is not the deleted lake, put back"


@pytest.mark.slow
def test_an_empty_file_is_replaced(house: House) -> None:
    house.lives_in_the_lake()
    with open_warehouse(house.file.warehouse_path):
        pass
    assert house.move_to_file().exit_code == 0
    assert differing(everything(house.file), everything(house.lake)) == []


@pytest.mark.parametrize("case", ["settings", "ledger", "target"])
def test_another_organisations_warehouse_is_refused(house: House, case: str) -> None:
    other = {"VOCAREUM_ORG_ID": "9002"}
    if case == "settings":
        refused, said = house.move_to_lake(**other), "organisation 9001, and the target that of"
    elif case == "ledger":
        house.use(other)
        refused, said = house.move_to_lake(**other), "holds files of org9001, and the settings name"
    else:
        house.lives_in_the_lake()
        theirs = house.folder / "theirs"
        shutil.copytree(house.folder / "data", theirs)
        with open_warehouse(theirs / "warehouse.duckdb") as connection:
            connection.execute(
                """INSERT INTO ops.loaded_files (dataset, partition, source_key)
                   VALUES ('enrollment', '1', 'org9002/enrollment/course1/enrollment.csv')"""
            )
        refused = house.move_to_file(ANALYTICS_DATA_DIR=str(theirs))
        said = "is not empty: it holds files of org9002"
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert not warehouse_of(house.lake).exists() or case == "target"


def _replace_from_outside(house: House) -> None:
    copy = house.folder / "copy"
    shutil.copyfile(house.file.warehouse_path, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("DELETE FROM ops.loaded_files")
    copy.replace(house.file.warehouse_path)


def _earlier_release(house: House) -> None:
    with open_warehouse(house.file.warehouse_path) as connection:
        connection.execute("UPDATE ops.schema_version SET declared = 'earlier'")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda house: house.file.warehouse_path.unlink(), "There is no warehouse"),
        (_replace_from_outside, "is not as the last run of this release left it"),
        (_earlier_release, "is not as the last run of this release left it"),
    ],
)
def test_a_warehouse_that_needs_a_sync_first_is_refused(
    house: House, harm: Callable[[House], None], said: str
) -> None:
    harm(house)
    refused = house.move_to_lake()
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert "Run `analytics-pipeline sync` first" in refused.output
    assert not warehouse_of(house.lake).exists()


def test_two_files_or_two_lakes_are_refused(house: House) -> None:
    for values, said in (({}, "name a file"), (lake_values(house.lake), "name a lake")):
        house.use(values)
        refused = house.move(house.common, values)
        assert (refused.exit_code, f"Both settings {said}" in refused.output) == (2, True)


def test_a_move_waits_for_no_daemon_and_is_refused(house: House) -> None:
    from dagster._daemon.types import DaemonHeartbeat

    with open_instance(house.file) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "id", []))
        refused = house.move_to_lake()
    assert (refused.exit_code, "daemon is alive" in refused.output) == (2, True), refused.output
    assert not warehouse_of(house.lake).exists()


def damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each copy of a table be wrong in one row."""
    copy = Databases.copy

    def harm(self: Databases, table: str, columns: list[str]) -> None:
        copy(self, table, columns)
        if table == "raw.enrollment":
            self.connection.execute(
                f"UPDATE {self.target}.raw.enrollment SET userid = 3 WHERE userid = 1"
            )

    monkeypatch.setattr(Databases, "copy", harm)


@pytest.mark.slow
def test_a_wrong_row_in_the_lake_fails_the_move_and_nothing_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = house.file.warehouse_path.read_bytes()
    with monkeypatch.context() as patched:
        damage(patched)
        failed = house.move_to_lake()
    assert failed.exit_code == 2
    assert "The copy differs from the warehouse in raw.enrollment." in failed.output
    assert house.file.warehouse_path.read_bytes() == content
    assert not [name for name, rows in everything(house.lake).items() if rows]
    assert house.objects() == set()
    assert house.move_to_lake().exit_code == 0
    assert differing(everything(house.file), everything(house.lake)) == []


@pytest.mark.slow
def test_a_wrong_row_in_the_file_fails_the_move_and_no_file_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.lives_in_the_lake()
    before = everything(house.lake)
    damage(monkeypatch)
    failed = house.move_to_file()
    assert failed.exit_code == 2
    assert "The copy differs from the warehouse in raw.enrollment." in failed.output
    left = {path.name for path in house.folder.joinpath("data").glob("warehouse.duckdb*")}
    assert left <= {"warehouse.duckdb.lock"}
    assert differing(before, everything(house.lake)) == []


def _killed(house: House, target: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", KILLED, target], capture_output=True, text=True, check=False
    )
    assert process.returncode == -signal.SIGKILL, process.stdout + process.stderr


@pytest.mark.slow
def test_a_move_into_a_lake_that_was_killed_starts_again(house: House) -> None:
    _killed(house, house.env_file(house.common, lake_values(house.lake)))
    left = house.objects()
    assert left, "it was killed after it had written rows"
    assert house.move_to_lake().exit_code == 0
    assert differing(everything(house.file), everything(house.lake)) == []
    assert not left & house.objects(), "no file of the killed attempt is left"


@pytest.mark.slow
def test_a_move_into_a_file_that_was_killed_starts_again(house: House) -> None:
    house.lives_in_the_lake()
    _killed(house, house.env_file(house.common))
    data = house.folder / "data"
    assert (data / "warehouse.duckdb.new").exists(), "it was killed while it wrote the file"
    assert not (data / "warehouse.duckdb").exists()
    assert house.move_to_file().exit_code == 0
    assert differing(everything(house.file), everything(house.lake)) == []
    assert not (data / "warehouse.duckdb.new").exists()
