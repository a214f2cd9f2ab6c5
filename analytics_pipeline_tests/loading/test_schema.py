"""The warehouse's tables across releases: an older one gets missing tables and keeps its rows, a
newer one is refused.
"""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.warehouse import connection as connection_module
from analytics_pipeline.warehouse.connection import WarehouseBusy, open_warehouse
from analytics_pipeline.warehouse.schema import SchemaTooNew, ensure_schema
from analytics_pipeline.warehouse.tables import tables
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse
from analytics_pipeline_tests.support.new_process import environment, forget_migrations

ROW = "1, u@v.com, 7, lab, 1, 2026, 0.5\n"


def columns(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[str, str]]:
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type, comment FROM"
        " duckdb_columns() WHERE NOT internal"
    ).fetchall()
    return {(table, column): (kind, comment) for table, column, kind, comment in rows}


def test_every_declared_table_and_column_is_made_and_described(
    tmp_path: Path, pytestconfig: pytest.Config
):
    on_a_lake = pytestconfig.getoption("backend") == "lake"
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        made = columns(connection)
        comments = dict(
            connection.execute(
                """SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()
                   UNION ALL SELECT schema_name || '.' || view_name, comment FROM duckdb_views()"""
            ).fetchall()
        )
        for table in tables():
            assert comments[table.name] == table.description
            for column in table.columns:
                # A lake stores no comments of a view's columns; publishing adds them.
                comment = None if on_a_lake and table.query else column.description
                assert made[table.name, column.name][1] == comment


def test_opening_it_again_changes_nothing(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    for _ in range(3):
        with open_warehouse(path) as connection:
            assert connection.execute("SELECT count(*) FROM ops.schema_version").fetchall() == [
                (1,)
            ]


def test_the_time_of_a_change_is_utc_whatever_the_machines_time_zone(tmp_path: Path):
    """The newest declaration is found by it, also by a machine in another zone."""
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("SET TimeZone = 'Pacific/Kiritimati'")  # 14 hours ahead
        before = warehouse_now()
        ensure_schema(connection)
        [(at,)] = connection.execute("SELECT applied_at FROM ops.schema_version").fetchall()
        assert before <= at <= warehouse_now()


def test_another_process_finds_the_schema_as_it_declares_it(tmp_path: Path):
    """The declarations hold sets, whose order differs by process."""
    variables = environment(Settings(ANALYTICS_DATA_DIR=str(tmp_path)))
    code = """if True:
        from analytics_pipeline.settings import load_settings
        from analytics_pipeline.warehouse.backend import warehouse_of
        with warehouse_of(load_settings()).open() as connection:
            print(connection.execute("SELECT count(*) FROM ops.schema_version").fetchall())"""
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env=variables | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert ran.stdout == "[(1,)]\n", ran.stderr


def test_an_older_warehouse_gets_the_new_columns_and_tables_and_keeps_its_rows(
    warehouse: Warehouse,
):
    warehouse.load(warehouse.deliver({KEYS["azure_cost"]: HEADER["azure_cost"] + ROW}))
    with open_warehouse(warehouse.path) as connection:
        whole = columns(connection)
        connection.execute("ALTER TABLE raw.azure_cost DROP COLUMN part_name")
        connection.execute("ALTER TABLE ops.loaded_files DROP COLUMN warnings")
        connection.execute("DROP TABLE history.grades")
        connection.execute("UPDATE ops.schema_version SET declared = 'an older fingerprint'")
    forget_migrations()
    with open_warehouse(warehouse.path) as connection:
        assert columns(connection) == whole
        assert connection.execute("SELECT user_id, part_name FROM raw.azure_cost").fetchall() == [
            (1, None)
        ]
    warehouse.load(warehouse.deliver({KEYS["azure_cost"]: HEADER["azure_cost"] + ROW}, "e2"))
    assert warehouse.query("SELECT user_id, part_name FROM raw.azure_cost") == [(1, "lab")]
    assert warehouse.query("SELECT etag, warnings FROM ops.loaded_files") == [("e2", 0)]


@pytest.mark.file_only("about the file's bytes")
def test_a_newer_warehouse_is_refused_and_unchanged(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO ops.schema_version VALUES (99, 'later', now()::TIMESTAMP)")
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match="later release"), open_warehouse(path):
        pass
    assert path.read_bytes() == before
    with duckdb.connect(str(path)) as connection, pytest.raises(SchemaTooNew):
        ensure_schema(connection)


def test_the_file_can_be_opened_again_after_an_exception(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    with pytest.raises(RuntimeError), open_warehouse(path):
        raise RuntimeError
    with open_warehouse(path, wait_seconds=0) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_writer_waits_and_then_names_the_holder(tmp_path: Path):
    path = tmp_path / "w.duckdb"
    with (
        open_warehouse(path),
        pytest.raises(WarehouseBusy, match=r"in use by another process.*try again"),
        open_warehouse(path, 0.2),
    ):
        pass


@pytest.mark.file_only("about another program that opens the file")
def test_a_caller_that_does_not_wait_learns_at_once_of_a_program_without_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def sleep(_: float) -> None:
        raise AssertionError("it waits")

    path = tmp_path / "w.duckdb"
    with open_warehouse(path):
        pass
    hold = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        monkeypatch.setattr(connection_module.time, "sleep", sleep)
        with pytest.raises(WarehouseBusy, match="open in another program"):
            open_warehouse(path, wait_seconds=0).__enter__()
        monkeypatch.undo()
        holder.communicate("\n")
