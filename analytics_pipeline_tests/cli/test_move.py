"""`move`: from a file into a lake and back; a damaged and a killed copy."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.copy_tables import Databases
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.lakes import lake_settings
from analytics_pipeline_tests.support.moved_warehouse import (
    House,
    differing,
    everything,
    lake_values,
    write_env_file,
)
from analytics_pipeline_tests.support.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.thorough

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
