"""A lake has one writer at a time, and what a killed one leaves is removed when it is safe."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import duckdb
import psycopg
import pytest

from analytics_pipeline.warehouse import lake_files
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.errors import WarehouseBusy
from analytics_pipeline.warehouse.lake import LAKE, LakeWarehouse
from analytics_pipeline.warehouse.lake_catalog import LOCK_SESSION
from analytics_pipeline.warehouse.schema import SchemaTooNew
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline_tests.support.lakes import (
    database_of,
    lake_settings,
)
from analytics_pipeline_tests.support.postgres import Postgres

T = TypeVar("T")


def test_a_second_writer_waits_for_the_lock_and_readers_do_not(
    postgres: Postgres, tmp_path: Path
) -> None:
    warehouse = warehouse_of(lake_settings(postgres, tmp_path))
    assert not warehouse.exists()
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t AS SELECT 1 AS n"))
        with (
            pytest.raises(WarehouseBusy, match="in use by another process"),
            warehouse.open(wait_seconds=0),
        ):
            pass
        with warehouse.read() as reader:
            assert reader.execute("FROM raw.t").fetchall() == [(1,)]
            with pytest.raises(Exception, match="read-only"):
                reader.execute("INSERT INTO raw.t VALUES (2)")
    assert warehouse.exists()
    with warehouse.open(wait_seconds=0) as connection:
        assert connection.execute("FROM raw.t").fetchall() == [(1,)]


@pytest.mark.thorough
def test_the_lock_is_free_as_soon_as_a_writer_ends(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy PostgreSQL notices the end of a session later than the client goes on."""
    warehouse = warehouse_of(lake_settings(postgres, tmp_path))
    unclosed: list[psycopg.Connection] = []
    with warehouse.open():
        monkeypatch.setattr(psycopg.Connection, "close", lambda session: unclosed.append(session))
    with warehouse.open(wait_seconds=0) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_lake_of_a_later_release_is_refused_and_unchanged(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = lake_settings(postgres, tmp_path)
    warehouse = warehouse_of(settings)
    with warehouse.open() as connection:
        connection.execute("INSERT INTO ops.schema_version VALUES (99, 'later', now()::TIMESTAMP)")
    newest = "SELECT max(snapshot_id) FROM org9001.ducklake_snapshot"
    before = postgres.execute(database_of(settings), newest)
    for opening in (warehouse.open, warehouse.read):
        with pytest.raises(SchemaTooNew, match="later release"), opening():
            pass
    assert postgres.execute(database_of(settings), newest) == before, "it is unchanged"


def test_two_writers_of_one_key_conflict_even_without_the_lock(
    postgres: Postgres, tmp_path: Path
) -> None:
    warehouse = warehouse_of(lake_settings(postgres, tmp_path))
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t (key VARCHAR)"))
        postgres.end_sessions(LOCK_SESSION)
        attempts: list[int] = []
        sql = "INSERT INTO raw.t SELECT 'x' WHERE 'x' NOT IN (FROM raw.t)"

        def overtaken() -> None:
            connection.execute(sql)
            attempts.append(1)
            if len(attempts) == 1:
                with warehouse.open(wait_seconds=30) as other:
                    write(other, lambda: other.execute(sql))

        write(connection, overtaken)
        assert connection.execute("FROM raw.t").fetchall() == [("x",)]
        assert len(attempts) == 2, "the first attempt conflicted with the other writer's"


def test_orphans_of_a_killed_writer_are_removed_under_the_lock(
    postgres: Postgres, tmp_path: Path
) -> None:
    settings = lake_settings(postgres, tmp_path)
    warehouse = warehouse_of(settings)
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t AS FROM range(1000)"))
    orphan = tmp_path / "lake" / "org9001" / "raw" / "t" / "ducklake-orphan.parquet"
    orphan.write_bytes(b"left by a killed writer")
    warehouse.maintain()
    assert orphan.exists(), "it may be of a writer that has not committed yet"
    warehouse.purge()
    assert not orphan.exists()
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM raw.t").fetchall() == [(1000,)]


@pytest.mark.thorough
def test_the_age_of_an_orphan_is_judged_by_the_storages_clock(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a machine's clock that is ahead, the file of a writer at work would be old."""
    warehouse = warehouse_of(lake_settings(postgres, tmp_path))
    assert isinstance(warehouse, LakeWarehouse)
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t AS FROM range(1000)"))
    orphan = tmp_path / "lake" / "org9001" / "raw" / "t" / "ducklake-orphan.parquet"
    orphan.write_bytes(b"of a writer at work")
    written = warehouse.storage_clock() - timedelta(days=2)
    os.utime(orphan, (written.timestamp(), written.timestamp()))
    with monkeypatch.context() as behind:
        behind.setattr(LakeWarehouse, "storage_clock", lambda _: written)
        warehouse.maintain()
    assert orphan.exists()
    warehouse.maintain()
    assert not orphan.exists()


def _purge_files(warehouse: Warehouse) -> None:
    """Purge the data files alone: rewriting the catalog would wait for open transactions."""
    assert isinstance(warehouse, LakeWarehouse)
    with warehouse.open(wait_seconds=30) as connection:
        lake_files.purge_files(connection, LAKE, warehouse.storage_clock)


@pytest.mark.thorough
def test_purge_deletes_no_file_of_a_writer_that_lost_its_lock(
    postgres: Postgres, tmp_path: Path
) -> None:
    warehouse = warehouse_of(lake_settings(postgres, tmp_path))
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t (n BIGINT)"))
        postgres.end_sessions(LOCK_SESSION)
        attempts: list[int] = []

        def purged_meanwhile() -> None:
            connection.execute("INSERT INTO raw.t FROM range(1000)")
            attempts.append(1)
            if len(attempts) == 1:
                _purge_files(warehouse)

        write(connection, purged_meanwhile)
        assert len(attempts) == 2, "the purge deleted the first attempt's file"
        assert connection.execute("SELECT count(*), sum(n) FROM raw.t").fetchall() == [
            (1000, 499_500)
        ]


@pytest.mark.slow
def test_purge_keeps_the_file_of_a_transaction_that_began_after_it_moved_the_fence(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = warehouse_of(lake_settings(postgres, tmp_path))
    with warehouse.open() as other:
        write(other, lambda: other.execute("CREATE TABLE raw.t (n BIGINT)"))
        postgres.end_sessions(LOCK_SESSION)

        def write_and_be_late(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
            result = write(connection, work)
            other.begin()
            other.execute("UPDATE ops.fence SET n = n + 1")
            other.execute("INSERT INTO raw.t FROM range(1000)")
            return result

        monkeypatch.setattr(lake_files, "write", write_and_be_late)
        _purge_files(warehouse)
        other.commit()
        assert other.execute("SELECT count(*) FROM raw.t").fetchall() == [(1000,)]
