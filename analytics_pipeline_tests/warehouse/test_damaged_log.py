"""A damaged write-ahead log has its own remedy, as the database itself is sound."""

import subprocess
import sys
from pathlib import Path

import pytest

from analytics_pipeline.warehouse.connection import (
    WarehouseUnusable,
    open_warehouse,
    read_warehouse,
)

pytestmark = pytest.mark.file_only("about the file's write-ahead log")

WRITE_AND_DIE = """
import os, sys
from pathlib import Path
from analytics_pipeline.warehouse.connection import connect
connection = connect(Path(sys.argv[1]))
connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
connection.execute("CHECKPOINT")
for _ in range(50):
    connection.execute("INSERT INTO kept VALUES (2)")
os._exit(0)
"""


def test_a_damaged_log_is_named_with_the_remedy_that_works(tmp_path: Path) -> None:
    path = tmp_path / "data" / "warehouse.duckdb"
    with open_warehouse(path):
        pass
    subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(path)], check=True)
    log = path.with_name("warehouse.duckdb.wal")
    sound = log.read_bytes()
    log.write_bytes(sound[:200] + bytes(300) + sound[500:])
    for door in (open_warehouse, read_warehouse):
        with pytest.raises(WarehouseUnusable, match=f"move {log} away") as raised, door(path):
            pass
        assert "its write-ahead log is damaged" in raised.value.message
        assert "not the database" in raised.value.remedy
    log.rename(tmp_path / "damaged.wal")
    with open_warehouse(path) as connection:
        assert connection.execute("FROM kept").fetchall() == [(1,)]


def test_a_damaged_database_does_not_blame_the_log(tmp_path: Path) -> None:
    path = tmp_path / "data" / "warehouse.duckdb"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(WarehouseUnusable, match="restore a backup") as raised, open_warehouse(path):
        pass
    assert ".wal" not in str(raised.value)
