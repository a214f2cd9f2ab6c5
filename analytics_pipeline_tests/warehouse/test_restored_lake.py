"""An older catalog of a lake is put back: each machine notices, and the first one records it."""

from pathlib import Path

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import Warehouse, warehouse_of
from analytics_pipeline.warehouse.lake import LakeWarehouse
from analytics_pipeline.warehouse.sidecar import REPLACED
from analytics_pipeline.warehouse.transactions import write
from analytics_pipeline_tests.support.lakes import database_of, lake_settings
from analytics_pipeline_tests.support.postgres import Postgres


@pytest.fixture
def settings(postgres: Postgres, tmp_path: Path) -> Settings:
    """A lake that was opened once, by a machine with its own data folder."""
    made = lake_settings(postgres, tmp_path)
    _change(warehouse_of(made))
    return made


@pytest.fixture
def other(settings: Settings, tmp_path: Path) -> Warehouse:
    """The same lake, as another machine sees it."""
    return warehouse_of(settings.model_copy(update={"data_dir": tmp_path / "other"}))


def _change(warehouse: Warehouse) -> None:
    """Add a table with a random name."""
    with warehouse.open() as connection:
        [(name,)] = connection.execute("SELECT 't' || replace(uuid()::TEXT, '-', '')").fetchall()
        write(connection, lambda: connection.execute(f"CREATE TABLE raw.{name} (n INT)"))


def _tables(warehouse: Warehouse) -> int:
    with warehouse.read() as connection:
        [(found,)] = connection.execute(
            """SELECT count(*) FROM duckdb_tables()
               WHERE database_name = current_database() AND starts_with(table_name, 't')"""
        ).fetchall()
    return int(found)


def test_every_machine_notices_and_the_first_one_records_it_for_all(
    settings: Settings, other: Warehouse, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    warehouse, before = warehouse_of(settings), postgres.dump(database_of(settings))
    _change(other)
    _change(warehouse)
    assert other.is_untouched(), "it descends from what the other machine left"
    tables = _tables(warehouse)
    postgres.restore(database_of(settings), before)
    with warehouse.read() as connection:
        assert warehouse.is_replaced(connection)
    assert (warehouse.is_untouched(), other.is_untouched()) == (False, False)
    assert warehouse.replaced_at() == 0, "readers record nothing"
    assert REPLACED not in caplog.text
    _change(other)
    assert caplog.text.count(REPLACED) == 1
    found = warehouse.replaced_at()
    assert found > 0
    assert warehouse.is_untouched(), "the other machine has recorded it"
    _change(warehouse)
    assert caplog.text.count(REPLACED) == 1
    assert (warehouse.replaced_at(), other.replaced_at()) == (found, found)
    assert _tables(warehouse) == tables, "both saw the restored catalog, not what they had cached"


@pytest.mark.slow
def test_a_machine_that_only_reads_notices_what_was_restored_since_it_looked(
    settings: Settings, other: Warehouse, postgres: Postgres
) -> None:
    before = postgres.dump(database_of(settings))
    _change(warehouse_of(settings))
    assert other.is_untouched(), "it had seen nothing before"
    postgres.restore(database_of(settings), before)
    assert not other.is_untouched()


@pytest.mark.slow
def test_a_dump_that_was_made_while_a_writer_wrote_is_noticed(
    settings: Settings, postgres: Postgres
) -> None:
    warehouse = warehouse_of(settings)
    with warehouse.open() as connection:
        before = postgres.dump(database_of(settings))
        write(connection, lambda: connection.execute("CREATE TABLE raw.later (n INT)"))
    postgres.restore(database_of(settings), before)
    assert not warehouse.is_untouched()
    with warehouse.open() as connection:
        assert not connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = 'later'"
        ).fetchall()
    assert warehouse.replaced_at() > 0


@pytest.mark.slow
def test_a_catalog_that_grew_after_it_was_restored_is_noticed(
    settings: Settings, other: Warehouse, postgres: Postgres
) -> None:
    warehouse, before = warehouse_of(settings), postgres.dump(database_of(settings))
    _change(warehouse)
    postgres.restore(database_of(settings), before)
    for _ in range(3):
        _change(other)
    assert other.replaced_at() == 0, "it had seen nothing newer"
    assert not warehouse.is_untouched()
    _change(warehouse)
    assert warehouse.replaced_at() > 0


@pytest.mark.slow
@pytest.mark.parametrize("content", [None, "", "[]", '{"state": 1}'])
def test_a_machine_that_remembers_nothing_trusts_the_lake(
    settings: Settings, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse = warehouse_of(settings)
    assert isinstance(warehouse, LakeWarehouse)
    file = settings.data_dir / "lake.state"
    assert file == warehouse.state.file
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink() if content is None else file.write_text(content)
    assert warehouse.is_untouched()
    assert ("lake.state can't be read" in caplog.text) == (content is not None)
    _change(warehouse)
    assert warehouse.replaced_at() == 0


@pytest.mark.slow
def test_purge_and_maintenance_do_not_look_like_a_restore(
    settings: Settings, other: Warehouse
) -> None:
    warehouse = warehouse_of(settings)
    assert other.is_untouched()
    warehouse.maintain()
    warehouse.purge()
    _change(warehouse)
    assert other.is_untouched()
    _change(other)
    assert (warehouse.replaced_at(), warehouse.is_untouched()) == (0, True)
