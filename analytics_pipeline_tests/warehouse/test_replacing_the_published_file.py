"""What a publication replaces: the previous file, only by a whole one that is on disk, and never
the file of an earlier warehouse.
"""

import os
from pathlib import Path

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.gone import NotReplaced
from analytics_pipeline.warehouse.publish import NothingToPublish, publish
from analytics_pipeline_tests.support.published_file import publish_from


def test_a_first_file_is_for_its_owner_and_a_mode_that_was_given_is_kept(
    settings: Settings,
) -> None:
    publish_from(settings)
    assert settings.published_path.stat().st_mode & 0o777 == 0o600
    settings.published_path.chmod(0o640)
    publish_from(settings)
    assert settings.published_path.stat().st_mode & 0o777 == 0o640


def test_a_file_is_on_disk_before_it_replaces_the_previous_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    replaced: list[bool] = []
    sync, replace = os.fsync, Path.replace

    def note_sync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        sync(handle)

    def note_replace(fresh: Path, target: Path) -> Path:
        if target == settings.published_path:
            replaced.append(fresh.stat().st_ino in synced)
            synced.clear()
        return replace(fresh, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    publish_from(settings)
    assert replaced == [True]
    assert settings.data_dir.stat().st_ino in synced, "so is its name, after that"


def test_no_temporary_file_is_left_and_a_dead_processs_is_replaced(
    settings: Settings, pytestconfig: pytest.Config
) -> None:
    settings.published_path.with_name("analytics.duckdb.new").write_bytes(b"half a file")
    settings.published_path.with_name("analytics.duckdb.new.wal").write_bytes(b"half a log")
    publish_from(settings)
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()
    # A process that dies today leaves a folder.
    settings.published_path.with_name("analytics.duckdb.new").mkdir()
    (
        settings.published_path.with_name("analytics.duckdb.new") / "analytics.duckdb.wal"
    ).write_bytes(b"half a log")
    publish_from(settings)
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()
    beside = {path.name for path in settings.data_dir.iterdir() if path.is_file()}
    of_file = {"warehouse.duckdb", "warehouse.duckdb.lock", "warehouse.duckdb.state"}
    of_lake = {"warehouse.duckdb", "warehouse.duckdb.state"}
    on_a_lake = pytestconfig.getoption("backend") == "lake"
    assert beside == {"analytics.duckdb"} | (of_lake if on_a_lake else of_file)


def test_a_publish_that_fails_leaves_the_file_before_and_a_warehouse_that_can_be_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analytics_pipeline.warehouse.publishing.Publishing._sign", full)
    with open_warehouse(settings.warehouse_path) as connection:
        live = connection.execute("SELECT current_database()").fetchall()
        with pytest.raises(OSError, match="No space"):
            publish(connection, settings.published_path, pii=False)
        assert connection.execute("SELECT count(*) > 0 FROM raw.lab_sessions").fetchall() == [
            (True,)
        ]
        assert connection.execute("SELECT current_database()").fetchall() == live
    assert settings.published_path.read_bytes() == before
    assert not settings.published_path.with_name("analytics.duckdb.new").exists()


def test_a_warehouse_without_loaded_files_publishes_nothing_and_keeps_the_previous_file(
    tmp_path: Path,
) -> None:
    target = tmp_path / "analytics.duckdb"
    target.write_bytes(b"as it was")
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.course_summary AS SELECT 1 AS course_id")
        with pytest.raises(
            NothingToPublish, match=r"no loaded file. Run `analytics-pipeline sync`"
        ):
            publish(connection, target, pii=False)
    assert target.read_bytes() == b"as it was"


def test_a_warehouse_without_marts_publishes_nothing_and_keeps_the_previous_file(
    settings: Settings,
) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("DROP SCHEMA marts CASCADE")
        with pytest.raises(NothingToPublish, match=r"no mart. Run `analytics-pipeline sync`"):
            publish(connection, settings.published_path, pii=False)
    assert settings.published_path.read_bytes() == before


def begin_anew(settings: Settings, loaded_at: str) -> None:
    """Lose the warehouse, and make a new one with one load and one mart."""
    settings.warehouse_path.unlink()
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.spend AS SELECT 1 AS n")
        connection.execute(
            """INSERT INTO ops.loaded_files (dataset, source_key, loaded_at)
               VALUES ('aws_cost', 'org9001/aws', $1::TIMESTAMP)""",
            [loaded_at],
        )


def test_a_new_warehouse_does_not_replace_the_file_of_one_that_is_gone(settings: Settings) -> None:
    publish_from(settings)
    before = settings.published_path.read_bytes()
    begin_anew(settings, str(warehouse_now()))
    for _ in range(2):
        with pytest.raises(NotReplaced, match=r"was not replaced\. An earlier warehouse"):
            publish_from(settings)
        assert settings.published_path.read_bytes() == before
    with open_warehouse(settings.warehouse_path) as connection:  # as an erasure does
        publish(connection, settings.published_path, pii=False, without_marts=True)
    assert publish_from(settings).rows["marts.spend"] == 1


def test_a_warehouse_that_holds_older_loads_replaces_the_file_as_it_was_moved_here(
    settings: Settings,
) -> None:
    publish_from(settings)
    begin_anew(settings, "2026-01-01")
    assert publish_from(settings).rows["marts.spend"] == 1


def test_a_warehouse_that_loads_every_file_again_replaces_the_file(settings: Settings) -> None:
    publish_from(settings)
    with open_warehouse(settings.warehouse_path) as connection:
        connection.execute("UPDATE ops.loaded_files SET loaded_at = $1", [warehouse_now()])
    assert publish_from(settings).is_written
