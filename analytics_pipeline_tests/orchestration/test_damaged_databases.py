"""A damaged database of Dagster: an error that names it and the remedy, and no false alarm."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.orchestration.dagster_files import DagsterDamaged, damaged_database
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.settings import Settings, load_settings

EACH = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


@dg.asset
def model() -> None: ...


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    return load_settings()


@pytest.fixture
def home(settings: Settings) -> Path:
    """DAGSTER_HOME after a run."""
    with open_instance(settings) as instance:
        dg.materialize([model], instance=instance)
    return settings.dagster_home


def overwrite(file: Path) -> None:
    """Replace all by random bytes."""
    file.write_bytes(os.urandom(file.stat().st_size))


def truncate(file: Path) -> None:
    """Lose the second half."""
    os.truncate(file, file.stat().st_size // 2)


def spoil_page(file: Path) -> None:
    """Overwrite the first page of a table, which opening the file does not read."""
    tables = "('runs', 'event_logs', 'job_ticks')"
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute(
            f"SELECT rootpage FROM sqlite_master WHERE name IN {tables}"
        ).fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(os.urandom(size))


@pytest.mark.first_forms(3)
@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("damage", [overwrite, truncate, spoil_page])
def test_a_damaged_database_is_named_with_the_remedy_and_not_opened(
    home: Path, settings: Settings, name: str, damage: Callable[[Path], None]
) -> None:
    damage(home / name)
    found = damaged_database(home)
    assert found and found.message == f"Dagster's database {home / name} is damaged."
    assert f"Move the folders history, schedules and storage out of {home}" in found.remedy
    assert "`analytics-pipeline sync`" in found.remedy
    with pytest.raises(DagsterDamaged) as raised:
        open_instance(settings)
    assert str(raised.value) == str(found)


def test_reading_a_database_that_nobody_has_open_writes_nothing(home: Path) -> None:
    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in home.rglob("*")}

    before = state()
    assert damaged_database(home) is None
    assert state() == before


def test_missing_empty_and_busy_databases_are_not_damaged(tmp_path: Path, home: Path) -> None:
    assert damaged_database(tmp_path / "missing") is None
    with closing(sqlite3.connect(home / EACH[0], isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("DELETE FROM daemon_heartbeats")
        assert damaged_database(home) is None
        writer.execute("ROLLBACK")
    (home / EACH[1]).write_bytes(b"")  # Dagster makes its tables in it
    assert damaged_database(home) is None


def test_damage_that_a_process_meets_later_is_named_too(home: Path) -> None:
    spoil_page(home / EACH[1])
    with dg.DagsterInstance.get() as instance, pytest.raises(DagsterDamaged) as raised:
        instance.fetch_materializations(model.key, limit=1)
    assert str(home / EACH[1]) in str(raised.value)


def test_a_damaged_log_of_a_run_is_named_and_healed_by_moving_it_away(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        file = home / "history" / "runs" / f"{run.run_id}.db"
        overwrite(file)
        with pytest.raises(DagsterDamaged) as raised:
            instance.all_logs(run.run_id)
        assert str(raised.value) == (
            f"Dagster's database {file} is damaged. Move it away. Only the log of the run"
            f" {run.run_id} is lost."
        )
        file.unlink()
        assert instance.all_logs(run.run_id) == []
        instance.delete_run(run.run_id)
