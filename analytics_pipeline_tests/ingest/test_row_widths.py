"""Rows with too many or too few cells: which load, and the reason of each reject."""

from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.ingest.csv import read_files
from analytics_pipeline_tests.support.course_files import COURSES, course, outcome
from analytics_pipeline_tests.support.deliveries import batch


@pytest.mark.parametrize(
    "text", ["two\nlines", "a\n\nb", "one, two\nthree, four", "x\n" * 5, 'a ""quote""\n5']
)
def test_a_multiline_row_with_a_surplus_cell_is_one_record_with_the_right_reason(
    tmp_path: Path, text: str
):
    wide = course(2, text).strip() + ", surplus\n"
    assert outcome(tmp_path, COURSES + course(1) + wide + course(3)) == (
        [1, 3],
        [(3, "the row has 7 cells and the header 6")],
    )
    raw = batch(tmp_path, "course_mapping", COURSES + wide).rejects["raw"].to_list()
    assert raw == [wide.strip()], "the whole of it is in quarantine"


def test_a_short_row_that_spans_lines_is_one_record(tmp_path: Path):
    body = COURSES + '9001, Org, 1, "two\nlines"\n' + '9001, "Org\nInc"\n' + course(3)
    assert outcome(tmp_path, body) == (
        [1, 3],
        [(4, "the row has 2 cells and the header 6: it lacks course_id")],
    )


def test_a_row_of_empty_cells_is_a_record(tmp_path: Path):
    assert outcome(tmp_path, COURSES + ",,,,,\n" + course(2)) == ([2], [(2, "it is empty")])


def test_empty_cells_beyond_the_header_are_ignored_and_others_are_a_fault(tmp_path: Path):
    body = COURSES + course(1).strip() + ",, ,\n" + course(2).strip() + ", x\n" + course(3)
    assert outcome(tmp_path, body) == ([1, 3], [(3, "the row has 7 cells and the header 6")])


def test_a_short_row_loads_if_its_missing_cells_may_be_empty(tmp_path: Path):
    body = COURSES + "9001, Org, 1, CS\n" + "9001, Org\n" + course(3)
    assert outcome(tmp_path, body) == (
        [1, 3],
        [(3, "the row has 2 cells and the header 6: it lacks course_id")],
    )


def test_a_row_with_very_many_cells_is_rejected_and_never_given_to_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """DuckDB's own reader takes hours and gigabytes over it."""
    given = []
    read = read_files._read_csv

    def read_csv(*arguments: Any) -> Any:
        given.append(arguments)
        return read(*arguments)

    monkeypatch.setattr(read_files, "_read_csv", read_csv)
    ids, rejects = outcome(tmp_path, COURSES + course(1) + "1," * 300_000 + "\n" + course(3))
    assert (ids, rejects, given) == ([1, 3], [(3, "the row has 300000 cells and the header 6")], [])
    assert outcome(tmp_path, COURSES + course(1))[0] == [1] and len(given) == 1, "other files are"
