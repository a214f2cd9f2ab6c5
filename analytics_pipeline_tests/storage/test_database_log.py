"""A log that another program left beside a DuckDB file never meets the file that replaces it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.storage.atomic_write import private_file, replacing
from analytics_pipeline.storage.object_store import ObjectStore
from analytics_pipeline_tests.support.left_log import leave_log
from analytics_pipeline_tests.support.store_files import LATER, NOON, put_file


def database(file: Path, cost: int) -> Path:
    file.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"CREATE TABLE spend AS SELECT {cost} AS cost")
    return file


def cost(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        [(found,)] = connection.execute("FROM spend").fetchall()
    return int(found)


def by_path(content: Path, target: Path) -> None:
    with replacing(target) as fresh:
        shutil.copyfile(content, fresh)


def by_open_file(content: Path, target: Path) -> None:
    with private_file(target) as file:
        file.write(content.read_bytes())


WAYS = pytest.mark.parametrize("put", [by_path, by_open_file])


@WAYS
def test_a_new_database_is_read_as_it_was_written(
    tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    target = database(tmp_path / "analytics.duckdb", 1)
    log = leave_log(target, "UPDATE spend SET cost = 100")
    halves = [log.with_name(f"{log.name}.{name}") for name in ("checkpoint", "recovery")]
    for half in halves:
        shutil.copyfile(log, half)
    assert cost(target) == 100
    put(database(tmp_path / "new" / "fresh.duckdb", 2), target)
    assert cost(target) == 2
    assert not log.exists()
    assert not any(half.exists() for half in halves), "they may hold an erased person"


@WAYS
def test_the_log_is_gone_from_the_disk_before_the_new_file_has_the_name(
    tmp_path: Path, put: Callable[[Path, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill or a power failure in between leaves the old file, without the log."""
    target = database(tmp_path / "analytics.duckdb", 1)
    log = leave_log(target, "UPDATE spend SET cost = 100")
    synced: list[tuple[int, bool]] = []
    sync = os.fsync

    def note(handle: int) -> None:
        synced.append((os.fstat(handle).st_ino, log.exists()))
        sync(handle)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        put(database(tmp_path / "new" / "fresh.duckdb", 2), target)
    assert synced[-1] == (tmp_path.stat().st_ino, False)
    assert cost(target) == 1


@WAYS
def test_who_has_the_file_before_open_reads_on(
    tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    target = database(tmp_path / "analytics.duckdb", 1)
    leave_log(target, "UPDATE spend SET cost = 100")
    with duckdb.connect(str(target), read_only=True) as reader:
        put(database(tmp_path / "new" / "fresh.duckdb", 2), target)
        assert reader.execute("FROM spend").fetchall() == [(100,)]


@WAYS
def test_beside_a_file_that_is_no_database_nothing_is_removed(
    tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    other = tmp_path / "grades.csv.wal"
    other.write_text("a file of somebody else")
    (tmp_path / "content").write_text("user_id\n1\n")
    put(tmp_path / "content", tmp_path / "grades.csv")
    assert other.read_text() == "a file of somebody else"


def test_a_copy_of_the_stores_version_is_read_as_it_was_stored(
    store: ObjectStore, tmp_path: Path
) -> None:
    put_file(store, database(tmp_path / "a" / "analytics.duckdb", 1), NOON)
    copy = tmp_path / "b" / "analytics.duckdb"
    for stored, at in ((1, NOON), (2, LATER)):
        assert store.fetch(copy).problem is None
        log = leave_log(copy, "UPDATE spend SET cost = 100")
        if at == LATER:
            put_file(store, database(tmp_path / "c" / "analytics.duckdb", stored), at)
        assert cost(copy) == 100
        assert store.fetch(copy).problem is None
        assert (cost(copy), log.exists()) == (stored, False)
