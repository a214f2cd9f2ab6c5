"""A file at which DuckDB, polars or Python raise, read or written, fails alone, with a reason and a
remedy; the others load.
"""

from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import polars as pl
import pytest

from analytics_pipeline.ingest.csv import read_files as read
from analytics_pipeline.ingest.plan import classify_listing
from analytics_pipeline.storage.clock import warehouse_now
from analytics_pipeline.vocareum.objects import RemoteObject
from analytics_pipeline.warehouse import load as write
from analytics_pipeline.warehouse.absences import record_listing
from analytics_pipeline.warehouse.connection import WarehouseUnusable, open_warehouse
from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

EARLIER, LATER = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001
PLANTED = "king.planted@example.org"
GRADES = HEADER["grades"]
ROW = f"{{}}, C, 2, A, 0, 10, {{}}, , 5, 0, 4, {PLANTED}, 5, 6, R, 5, 8\n"


def key(course: int) -> str:
    return f"grades/course{course}/grades.csv"


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    "error",
    [
        duckdb.OutOfMemoryException,
        pl.exceptions.ComputeError,
        pl.exceptions.PanicException,
        MemoryError,
        ValueError,
    ],
)
def test_a_file_that_breaks_the_reader_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
):
    """Raise in the middle of a file, with a text that repeats a cell."""
    typed = read.type_cells

    def breaking(connection: Any, dataset: Any, header: Any, source: str) -> pl.DataFrame:
        rows = typed(connection, dataset, header, source)
        if rows["courseid"].eq(666).any():
            raise error(f"at {PLANTED}")
        return rows

    monkeypatch.setattr(read, "type_cells", breaking)
    warehouse = Warehouse(tmp_path)
    warehouse.load(
        warehouse.deliver(
            {
                key(course): GRADES + ROW.format(course, 5) + ROW.format(course, 6)
                for course in (4, 666, 8)
            }
        )
    )
    assert warehouse.query("SELECT courseid, count(*) FROM raw.grades GROUP BY 1 ORDER BY 1") == [
        (4, 2),
        (8, 2),
    ]
    [(partition, reason, remedy)] = warehouse.query(
        'SELECT "partition", reason, remedy FROM ops.failed_files'
    )
    assert (partition, reason) == ("666", f"reading it ended in {error.__name__}")
    assert "quarantine replay" in remedy
    monkeypatch.undo()
    warehouse.load(warehouse.deliver({key(666): GRADES + ROW.format(666, 5)}))
    assert warehouse.query("SELECT count(*) FROM ops.failed_files") == [(0,)], (
        "once it can be read, it is loaded"
    )


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    "error", [duckdb.OutOfMemoryException, duckdb.ConversionException, pl.exceptions.ComputeError]
)
def test_a_file_that_breaks_the_write_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    """In the middle of the transaction; the rows that the file had stay."""
    warehouse = Warehouse(tmp_path)
    warehouse.load(warehouse.deliver({key(666): GRADES + ROW.format(666, 1) + ROW.format(666, 2)}))
    replace = write._replace_ledger

    def breaking(connection: duckdb.DuckDBPyConnection) -> None:
        replace(connection)
        if connection.execute(
            "SELECT 1 FROM batch_files WHERE \"partition\" = '666' AND NOT failed"
        ).fetchone():
            raise error(f"at {PLANTED}")

    monkeypatch.setattr(write, "_replace_ledger", breaking)
    bodies = {
        key(course): GRADES + ROW.format(course, 5) + ROW.format(course, 6)
        for course in (4, 666, 8)
    }
    results = warehouse.load(warehouse.deliver(bodies, etag="e2"))
    assert sorted(result.landed.delivery.partition.key for result in results if result.failure) == [
        "666"
    ]
    users = "SELECT courseid, list(userid ORDER BY userid) FROM raw.grades GROUP BY 1 ORDER BY 1"
    assert warehouse.query(users) == [(4, [5, 6]), (8, [5, 6]), (666, [1, 2])]
    failed = warehouse.query('SELECT "partition", etag, reason, attempts FROM ops.failed_files')
    assert failed == [("666", "e2", f"writing it ended in {error.__name__}", 1)]
    monkeypatch.undo()
    warehouse.load(warehouse.deliver({key(666): bodies[key(666)]}, etag="e2"))
    assert warehouse.query(users) == [(4, [5, 6]), (8, [5, 6]), (666, [5, 6])]
    assert warehouse.query("SELECT count(*) FROM ops.failed_files") == [(0,)], (
        "once it can be written, it is loaded"
    )


@pytest.mark.parametrize("error", [duckdb.IOException, duckdb.FatalException, OSError])
def test_an_error_of_the_disk_is_no_files_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    warehouse = Warehouse(tmp_path)
    monkeypatch.setattr(write, "_replace_ledger", Mock(side_effect=error("No medium found")))
    with pytest.raises((error, WarehouseUnusable), match="No medium found"):
        warehouse.load(warehouse.deliver({key(4): GRADES + ROW.format(4, 5)}))
    assert warehouse.query("SELECT count(*) FROM ops.failed_files") == [(0,)]


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("loaded_before", [False, True])
def test_a_failed_file_that_never_loaded_is_forgotten_once_it_is_no_longer_delivered(
    tmp_path: Path, loaded_before: bool
):
    warehouse = Warehouse(tmp_path)
    if loaded_before:
        warehouse.load(warehouse.deliver({key(666): GRADES + ROW.format(666, 5)}))
    warehouse.load(warehouse.deliver({key(4): GRADES + ROW.format(4, 5)}))
    warehouse.load(warehouse.deliver({key(666): GRADES + ROW.format("x", 5) * 30}, etag="e2"))
    failed = 'SELECT "partition" FROM ops.failed_files'
    assert warehouse.query(failed) == [("666",)]
    [kept] = warehouse.deliver({key(4): GRADES + ROW.format(4, 5)})
    listing = classify_listing(
        [RemoteObject(kept.key, kept.etag, kept.size, kept.last_modified)], "org9001/"
    )
    for listed, listed_at, left in (
        (["lab_sessions/"], LATER, 1),
        ([""], EARLIER, 1),
        ([""], LATER, int(loaded_before)),
    ):
        with open_warehouse(warehouse.path) as connection:
            record_listing(connection, listing, listed, listed_at, warehouse_now())
        assert len(warehouse.query(failed)) == left, f"listed {listed} at {listed_at}"
    assert (
        warehouse.query("SELECT count(*) FROM quarantine.rejects") == [(0,)]
    ) is not loaded_before
