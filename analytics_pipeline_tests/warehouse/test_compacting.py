"""Compacting the warehouse's file: it keeps its content, and no change in its log is lost."""

from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline.warehouse.backend import warehouse_of
from analytics_pipeline.warehouse.connection import connect
from analytics_pipeline.warehouse.file import compact
from analytics_pipeline_tests.support.erased_person import content, rows_of


@pytest.mark.file_only("about the file's write-ahead log")
def test_compacting_refuses_a_log_that_could_not_be_written_back_and_loses_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept_in_the_log(path: Path) -> duckdb.DuckDBPyConnection:
        connection = connect(path)
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute(
            "INSERT INTO ops.erased (user_id, erased_at, times) VALUES (4711, now()::TIMESTAMP, 1)"
        )
        return connection

    with monkeypatch.context() as patched:
        patched.setattr("analytics_pipeline.warehouse.file.connect", kept_in_the_log)
        with pytest.raises(OSError, match="log could not be written back"):
            compact(settings.warehouse_path)
    assert rows_of(settings, "SELECT user_id FROM ops.erased") == [(4711,)], (
        "neither the file nor its log was touched"
    )


def test_compacting_keeps_every_table_view_comment_and_row(settings: Settings) -> None:
    catalog = """SELECT schema_name, table_name, column_name, data_type, comment
                 FROM duckdb_columns()
                 WHERE database_name = current_database() AND NOT internal ORDER BY ALL"""
    relations = """SELECT schema_name, table_name, comment FROM duckdb_tables()
                   WHERE database_name = current_database() UNION ALL
                   SELECT schema_name, view_name, comment FROM duckdb_views()
                   WHERE database_name = current_database() AND NOT internal
                   ORDER BY ALL"""
    before = (rows_of(settings, catalog), rows_of(settings, relations), content(settings))
    warehouse_of(settings).purge()
    assert (rows_of(settings, catalog), rows_of(settings, relations), content(settings)) == before
    assert settings.warehouse_path.stat().st_mode & 0o777 == 0o600
