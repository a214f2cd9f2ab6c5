"""A disk that is full after a commit: the sidecar still records it, so that nothing passes for a
warehouse that was replaced.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.warehouse import sidecar
from analytics_pipeline.warehouse.connection import open_warehouse, read_warehouse
from analytics_pipeline_tests.soak.disks import fill, free, small_disk

pytestmark = pytest.mark.file_only("about the record beside the file")

ADD = "INSERT INTO ops.erased (user_id, times) VALUES (?, 1)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk"):
        yield tmp_path / "disk"


def is_replaced(warehouse: Path) -> bool:
    """Ask as `status` does."""
    with read_warehouse(warehouse) as connection:
        return sidecar.is_replaced(connection, warehouse)


def test_what_a_writer_left_on_a_full_disk_is_not_said_to_be_replaced(
    disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse = disk / "data" / "warehouse.duckdb"
    with open_warehouse(warehouse):
        pass
    first = sidecar.read_sidecar(warehouse)
    with open_warehouse(warehouse) as connection:
        connection.execute(ADD, [1])
        fill(disk / "ballast", 0)
    assert free(disk) == 0
    assert sidecar.read_sidecar(warehouse) not in (None, first)
    assert not is_replaced(warehouse)
    (disk / "ballast").unlink()
    with caplog.at_level(logging.INFO), open_warehouse(warehouse):
        pass
    assert sidecar.replaced_at(warehouse) == 0
    assert caplog.messages == []


def test_a_shorter_record_covers_a_longer_one_on_a_full_disk(disk: Path) -> None:
    warehouse = disk / "data" / "warehouse.duckdb"
    with open_warehouse(warehouse):
        pass
    longer = sidecar.Sidecar((1, 2**40, 2**60), "digest", 1_796_036_235.25)
    shorter = sidecar.Sidecar((1, 2, 3), "digest")
    sidecar.write_sidecar(warehouse, longer)
    fill(disk / "ballast", 0)
    sidecar.write_sidecar(warehouse, shorter)
    assert sidecar.read_sidecar(warehouse) == shorter


def test_a_killed_writer_is_named_as_a_cause_of_what_looks_replaced(tmp_path: Path) -> None:
    warehouse = tmp_path / "data" / "warehouse.duckdb"
    with open_warehouse(warehouse):
        pass
    if not (child := os.fork()):
        with open_warehouse(warehouse) as connection:
            connection.execute(ADD, [1])
            connection.execute("CHECKPOINT")  # DuckDB does so by itself after 16 MB
            os._exit(0)
    os.waitpid(child, 0)
    assert is_replaced(warehouse)
    assert "or that run ended before it could record it (it was killed, " in sidecar.REPLACED
