"""A lake that several processes of one machine use: none disturbs another."""

import subprocess
import sys
from pathlib import Path

import duckdb

from analytics_pipeline.warehouse.lake_catalog import Catalog
from analytics_pipeline.warehouse.lake_duckdb import LakeDuckDB, remove_unused_spill

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
