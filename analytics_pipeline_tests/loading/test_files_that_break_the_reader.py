"""A file that crashes DuckDB, polars or Python fails alone, with a reason and a remedy; the others load."""

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from analytics_pipeline.ingest.csv import read_files as read
from analytics_pipeline_tests.ingest.delivered import HEADER
from analytics_pipeline_tests.loading.loaded import Warehouse

PLANTED = "king.planted@example.org"
GRADES = HEADER["grades"]
ROW = f"{{}}, C, 2, A, 0, 10, {{}}, , 5, 0, 4, {PLANTED}, 5, 6, R, 5, 8\n"


def key(course: int) -> str:
    return f"grades/course{course}/grades.csv"


@pytest.mark.parametrize(
    "error",
    [duckdb.OutOfMemoryException, pl.exceptions.ComputeError, pl.exceptions.PanicException, MemoryError, ValueError],
)
def test_a_file_that_breaks_the_reader_is_in_failed_files_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
):
    """Raise in the middle of a file, with a text that repeats a cell."""
    typed = read._typed

    def breaking(connection: Any, dataset: Any, header: Any, source: str) -> pl.DataFrame:
        rows = typed(connection, dataset, header, source)
        if rows["courseid"].eq(666).any():
            raise error(f"at {PLANTED}")
        return rows

    monkeypatch.setattr(read, "_typed", breaking)
    warehouse = Warehouse(tmp_path)
    warehouse.load(
        warehouse.deliver(
            {key(course): GRADES + ROW.format(course, 5) + ROW.format(course, 6) for course in (4, 666, 8)}
        )
    )
    assert warehouse.query("SELECT courseid, count(*) FROM raw.grades GROUP BY 1 ORDER BY 1") == [(4, 2), (8, 2)]
    [(partition, reason, remedy)] = warehouse.query('SELECT "partition", reason, remedy FROM ops.failed_files')
    assert (partition, reason) == ("666", f"reading it ended in {error.__name__}")
    assert "quarantine replay" in remedy
    monkeypatch.undo()
    warehouse.load(warehouse.deliver({key(666): GRADES + ROW.format(666, 5)}))
    assert warehouse.query("SELECT count(*) FROM ops.failed_files") == [(0,)], "once it can be read, it is loaded"
