"""Dagster's SQLite files, written through connections that stay open."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import dagster as dg
import pytest
import yaml
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from analytics_pipeline.orchestration import sqlite_storage
from analytics_pipeline.orchestration.dagster_private import INDEX_SHARD_NAME
from analytics_pipeline.orchestration.instance import open_instance, prepare_home
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.atomic_write import private_file

KEY = dg.AssetKey("model")


@dg.asset
def model() -> None: ...


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ANALYTICS_DATA_DIR", str(tmp_path / "data"))
    return load_settings()


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as opened:
        yield opened


def materializations(instance: dg.DagsterInstance) -> int:
    return len(instance.fetch_materializations(KEY, limit=10).records)


def test_the_instance_uses_this_storage(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, sqlite_storage._EventLog)
    assert isinstance(instance.run_storage, sqlite_storage._Runs)


def test_a_run_opens_its_databases_a_bounded_number_of_times(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without reuse, each of its events opens two at least."""
    dg.materialize([model], instance=instance)
    opened: list[str] = []
    make = sqlite_storage.create_engine
    monkeypatch.setattr(
        sqlite_storage,
        "create_engine",
        lambda name, **options: opened.append(name) or make(name, **options),
    )
    run = dg.materialize([model], instance=instance)
    shard = instance.event_log_storage.path_for_shard(run.run_id)
    assert [name.removeprefix("sqlite:///") for name in opened] == [shard]


def test_an_event_is_one_transaction_in_each_database(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dg.materialize([model], instance=instance)
    stored = instance.fetch_materializations(KEY, limit=1).records[0].event_log_entry
    begun: list[str] = []
    begin = sqlite_storage._OpenDatabase.begin

    def count(self: sqlite_storage._OpenDatabase) -> AbstractContextManager[Connection]:
        begun.append(Path(self.engine.url.database or "").stem)
        return begin(self)

    monkeypatch.setattr(sqlite_storage._OpenDatabase, "begin", count)
    instance.event_log_storage.store_event(stored)
    assert begun == [run.run_id, INDEX_SHARD_NAME]
    begun.clear()
    instance.event_log_storage.store_event_batch([stored] * 20)
    assert begun == [run.run_id, INDEX_SHARD_NAME]
    assert len(instance.fetch_materializations(KEY, limit=100).records) == 22


def test_the_planned_events_of_a_run_are_a_batch(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    store = sqlite_storage._EventLog.store_event_batch

    def note(self: sqlite_storage._EventLog, events: list[dg.EventLogEntry]) -> None:
        batches.append(len(events))
        store(self, events)

    monkeypatch.setattr(sqlite_storage._EventLog, "store_event_batch", note)
    assets = [dg.AssetSpec(f"asset_{number}") for number in range(30)]

    @dg.multi_asset(specs=assets)
    def many() -> Iterator[dg.MaterializeResult]:
        yield from (dg.MaterializeResult(asset_key=spec.key) for spec in assets)

    assert dg.materialize([many], instance=instance).success
    assert batches.count(30) == 1


def test_a_failed_event_leaves_nothing_in_any_database(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dg.materialize([model], instance=instance)
    stored = instance.fetch_materializations(KEY, limit=1).records[0].event_log_entry
    events = instance.event_log_storage
    before = len(instance.all_logs(run.run_id))

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_storage._EventLog, "_store_asset_event", fail)
        with pytest.raises(RuntimeError, match="full"):
            events.store_event(stored)
    assert (len(instance.all_logs(run.run_id)), materializations(instance)) == (before, 1)
    events.store_event(stored)
    assert (len(instance.all_logs(run.run_id)), materializations(instance)) == (before + 1, 2)


def test_a_copied_database_equals_one_that_dagster_creates(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """The first run's is created and the second run's copied, each before its first event."""
    first, second = (dg.materialize([model], instance=instance).run_id for _ in range(2))
    instance.event_log_storage.dispose()
    schemas = []
    for run in (first, second):
        with closing(sqlite3.connect(instance.event_log_storage.path_for_shard(run))) as found:
            mode = found.execute("PRAGMA journal_mode").fetchall()
            revision = found.execute("SELECT * FROM alembic_version").fetchall()
            schema = found.execute(
                "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
            ).fetchall()
            schemas.append((mode, revision, schema))
    assert schemas[0] == schemas[1]
    assert (schemas[0][0], len(schemas[0][1])) == ([("wal",)], 1)
    history = settings.dagster_home / "history"
    assert {path.name for path in history.iterdir() if path.is_file()} == {
        f"empty_run_{dg.__version__}.db",
        "runs.db",
        *(f"runs.db-{suffix}" for suffix in ("shm", "wal")),
    }
    assert set(instance.event_log_storage.get_all_run_ids()) == {first, second}
    with dg.DagsterInstance.get() as another:
        assert len(another.all_logs(second)) == len(another.all_logs(first)) > 5


def test_runs_work_where_no_hard_link_can_be_made(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network and container mounts, for the first run and for a later one."""

    def refuse(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refuse)
        assert dg.materialize([model], instance=instance).success
    assert dg.materialize([model], instance=instance).success
    monkeypatch.setattr(os, "link", refuse)
    assert dg.materialize([model], instance=instance).success
    assert materializations(instance) == 3
    history = Path(instance.event_log_storage.path_for_shard("any")).parent.parent
    assert not list(history.rglob(".*")), "a part of a copy is left"


def test_the_empty_database_of_another_release_of_dagster_is_not_copied(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    dg.materialize([model], instance=instance)
    monkeypatch.setattr(dg, "__version__", "9.9.9")
    copied: list[Path] = []
    copy = sqlite_storage._copied
    monkeypatch.setattr(
        sqlite_storage,
        "_copied",
        lambda source, target: copied.append(source) or copy(source, target),
    )
    run = dg.materialize([model], instance=instance).run_id
    path = Path(instance.event_log_storage.path_for_shard(run))
    assert copied == [path]
    assert not sqlite_storage._copied(path.with_name("gone.db"), path.with_name("new.db"))
    assert not path.with_name("gone.db").exists(), "a missing database became an empty one"
    assert [found.name for found in path.parent.parent.glob("empty_run*")] == ["empty_run_9.9.9.db"]


def test_databases_of_earlier_runs_are_closed(instance: dg.DagsterInstance) -> None:
    runs = [dg.materialize([model], instance=instance).run_id for _ in range(6)]
    events = instance.event_log_storage
    kept = events._databases
    assert list(kept)[-1] in (INDEX_SHARD_NAME, runs[-1])
    assert len(kept) == sqlite_storage._MOST_OPEN and INDEX_SHARD_NAME in kept
    assert not Path(events.path_for_shard(runs[0]) + "-wal").exists(), "still open"
    assert Path(events.path_for_shard(runs[-1]) + "-wal").exists()


@pytest.mark.thorough
def test_dagsters_own_storage_continues_in_the_same_files(settings: Settings) -> None:
    home = prepare_home(settings)
    with open_instance(settings) as ours:
        dg.materialize([model], instance=ours)
    assert not list(home.rglob("*-wal")), "a disposed instance leaves a database open"
    config = yaml.safe_load((home / "dagster.yaml").read_text())
    del config["storage"]
    with private_file(home / "dagster.yaml") as file:
        file.write(yaml.safe_dump(config).encode())
    with dg.DagsterInstance.get() as theirs:
        assert not isinstance(theirs.event_log_storage, sqlite_storage._EventLog)
        assert materializations(theirs) == 1
        dg.materialize([model], instance=theirs)
    (home / "dagster.yaml").unlink()
    with open_instance(settings) as ours:
        assert (materializations(ours), len(ours.get_runs())) == (2, 2)


def test_an_event_reaches_another_process_that_follows_the_run(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """The web server watches the run's database, which is still open for writing."""
    seen = threading.Event()
    run = dg.materialize([model], instance=instance)
    with dg.DagsterInstance.get() as server:
        cursor = server.get_records_for_run(run.run_id).cursor
        server.watch_event_logs(run.run_id, cursor, lambda *_: seen.set())
        instance.report_engine_event("one more", run.dagster_run)
        assert seen.wait(60), "the UI would show the event after the run"


def test_a_replaced_database_is_written_and_not_the_unlinked_one(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """As after a restored copy of the folder, under a running process."""
    dg.materialize([model], instance=instance)
    home = settings.dagster_home
    for file in ("history/runs.db", f"history/runs/{INDEX_SHARD_NAME}.db"):
        with closing(sqlite3.connect(home / file)) as live:
            live.execute(f"VACUUM INTO '{home / 'copy.db'}'")
        (home / "copy.db").replace(home / file)
        for suffix in ("-wal", "-shm"):
            (home / f"{file}{suffix}").unlink(missing_ok=True)
    dg.materialize([model], instance=instance)
    with dg.DagsterInstance.get() as another:
        assert (materializations(another), len(another.get_runs())) == (2, 2)


def test_a_deleted_database_fails_as_with_dagsters_own_storage(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    dg.materialize([model], instance=instance)
    for file in (settings.dagster_home / "history" / "runs").glob(f"{INDEX_SHARD_NAME}.db*"):
        file.unlink()
    with pytest.raises(OperationalError, match="no such table"):
        dg.materialize([model], instance=instance)
