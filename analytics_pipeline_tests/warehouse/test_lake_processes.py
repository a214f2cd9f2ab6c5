"""A lake that several processes of one machine use: none disturbs another."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse import lake
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.errors import WarehouseBusy, WarehouseUnusable
from analytics_pipeline.warehouse.lake import LakeWarehouse
from analytics_pipeline.warehouse.lake_catalog import LOCK_SESSION, Catalog
from analytics_pipeline.warehouse.lake_duckdb import LakeDuckDB, remove_unused_spill
from analytics_pipeline.warehouse.lake_objects import ObjectStore
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline_tests.support.lakes import database_of, lake_settings
from analytics_pipeline_tests.support.postgres import Postgres

_START = """
import os, sys
from pathlib import Path
from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline.warehouse.lake_duckdb import LakeDuckDB
started = LakeDuckDB.start(Path(sys.argv[1]), Catalog("dbname=lake", "org9001"), is_in_s3=False)
[(folder,)] = started.connection.execute("SELECT current_setting('temp_directory')").fetchall()
Path(folder, "duckdb_temp_storage_DEFAULT-0.tmp").write_text("rows")
print(folder, flush=True)
if sys.argv[2] == "killed":
    os._exit(9)
sys.stdin.read()
"""


def _folder(connection: duckdb.DuckDBPyConnection) -> Path:
    [(folder,)] = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    return Path(folder)


def test_each_process_spills_into_a_folder_of_its_own_and_a_killed_ones_is_removed(
    tmp_path: Path,
) -> None:
    """Two DuckDBs with one folder of spill files overwrite them, and one of them crashes."""
    spill = tmp_path / "lake.tmp"
    spill.mkdir()
    (spill / "duckdb_temp_storage_DEFAULT-0.tmp").write_text("rows of an earlier release")
    arguments = [sys.executable, "-c", _START, str(spill)]
    killed = subprocess.run([*arguments, "killed"], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert killed.returncode == 9, killed.stderr
    assert left.parent == spill
    assert list(left.iterdir()), "a killed process leaves its files"
    with subprocess.Popen(
        [*arguments, "alive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        ours = LakeDuckDB.start(spill, Catalog("dbname=lake", "org9001"), is_in_s3=False)
        again = LakeDuckDB.start(spill, Catalog("dbname=lake", "org9001"), is_in_s3=False)
        folders = {theirs, _folder(ours.connection), _folder(again.connection)}
        assert len(folders) == 3
        remove_unused_spill(spill)
        assert set(spill.iterdir()) == folders, "only folders of living processes are left"
        assert list(theirs.iterdir()), "and a living process keeps its files"
        other.communicate()
    remove_unused_spill(spill)
    assert not theirs.exists()


@pytest.fixture
def settings(postgres: Postgres, tmp_path: Path) -> Settings:
    """Settings of an empty lake."""
    made = lake_settings(postgres, tmp_path)
    with warehouse_of(made).open():
        return made


def _as_in_a_new_process(settings: Settings) -> Warehouse:
    """Forget what this process has attached."""
    warehouse = warehouse_of(settings)
    assert isinstance(warehouse, LakeWarehouse)
    lake._instances.pop(warehouse, None)
    lake._prepared.discard(warehouse)
    return warehouse


@pytest.mark.thorough
def test_a_process_that_has_not_attached_the_lake_yet_waits_only_as_long_as_it_is_told(
    settings: Settings,
) -> None:
    """It attaches at once, and waits for the writers' lock afterwards."""
    warehouse = _as_in_a_new_process(settings)
    assert isinstance(warehouse, LakeWarehouse)
    with (
        warehouse.catalog.lock(0),
        pytest.raises(WarehouseBusy, match="for more than 0 s"),
        warehouse.open(wait_seconds=0),
    ):
        pass
    assert warehouse in lake._instances


def test_another_data_path_than_the_lakes_is_refused_with_the_remedy(
    settings: Settings, tmp_path: Path
) -> None:
    moved = settings.model_copy(update={"warehouse_data": str(tmp_path / "other")})
    with (
        pytest.raises(WarehouseUnusable, match=r"other/org9001/.*does not match") as raised,
        _as_in_a_new_process(moved).open(),
    ):
        pass
    assert "ANALYTICS_WAREHOUSE_DATA must stay as it was" in raised.value.remedy


@pytest.mark.thorough
def test_a_catalog_that_is_lost_before_a_commit_is_an_error_for_people(
    settings: Settings, postgres: Postgres
) -> None:
    warehouse = _as_in_a_new_process(settings)
    with (
        pytest.raises(WarehouseUnusable, match="Failed to commit") as raised,
        warehouse.open() as connection,
    ):
        connection.begin()
        connection.execute("CREATE TABLE raw.t AS FROM range(10)")
        postgres.execute(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{database_of(settings)}' AND application_name <> '{LOCK_SESSION}'",
        )
        connection.commit()
    assert "run the same command again" in raised.value.remedy
    with warehouse.read() as connection:
        assert not connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = 't'"
        ).fetchall()


def test_what_postgresql_refuses_is_told_without_the_values_in_its_statement(
    settings: Settings, postgres: Postgres
) -> None:
    """The statement holds the smallest and the largest text of each column."""
    warehouse = _as_in_a_new_process(settings)
    with warehouse.open() as connection:
        write(connection, lambda: connection.execute("CREATE TABLE raw.t (email VARCHAR)"))
    postgres.execute(
        database_of(settings),
        """ALTER TABLE org9001.ducklake_file_column_stats
           ADD CHECK (coalesce(max_value, '') NOT LIKE '%@%')""",
    )
    with (
        pytest.raises(WarehouseUnusable, match="its log has the reason") as raised,
        warehouse.open() as connection,
    ):
        write(connection, lambda: connection.execute("INSERT INTO raw.t VALUES ('zoe@uni.edu')"))
    assert "Failed to commit" in str(raised.value)
    assert "zoe@uni.edu" not in str(raised.value)


def test_no_secret_of_the_connection_string_is_told() -> None:
    catalog = Catalog("host=db dbname=lake password=pass-1 sslpassword=key-2", "org9001")
    texts = [repr(catalog), catalog.describe(), catalog.public_dsn, catalog.public("pass-1 key-2")]
    assert not [text for text in texts if "pass-1" in text or "key-2" in text]
    assert "sslpassword=key-2" in catalog.attached_dsn, "libpq needs it"


def test_an_unknown_profile_of_aws_is_an_error_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with (
        duckdb.connect() as connection,
        pytest.raises(WarehouseUnusable, match=r"found: .*nobody") as raised,
    ):
        ObjectStore(None, "us-east-1").authorise(connection)
    assert "give this machine a role" in raised.value.remedy
