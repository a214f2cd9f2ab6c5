"""Sound quotes: cells that span lines, blanks around them, and quotes that are text."""

from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Dialect
from analytics_pipeline.demo.organisation.table import Record, Table, render
from analytics_pipeline.ingest.csv.line_lookup import lines_of_rows
from analytics_pipeline.ingest.csv.tolerant_reader import read_records
from analytics_pipeline_tests.support.course_files import COURSES, course
from analytics_pipeline_tests.support.deliveries import batch, reasons


def test_quoted_newlines_are_part_of_their_cell_and_of_the_line_count(tmp_path: Path):
    body = COURSES + course(1, "a\nb\r\nc") + course(0, "x\ny") + course(2)
    read = batch(tmp_path, "course_mapping", body)
    assert read.rows["course_name"].to_list() == ["a\nb\r\nc", "CS"]
    assert [(line, reason) for line, _, reason in reasons(read)] == [
        (5, "it must be greater than 0")
    ]
    assert read.rejects["raw"].to_list() == [course(0, "x\ny").strip()]


def test_blanks_may_surround_quotes_even_if_a_cell_spans_lines(tmp_path: Path):
    body = (
        COURSES
        + '9001,   "Org, Inc" , 1,  "two\nlines"\t, "New" , 12\n'
        + "9001, Org, none, CS, New, 1\n"
    )
    read = batch(tmp_path, "course_mapping", body)
    assert read.rows.select("org_name", "course_name", "create_method").rows() == [
        ("Org, Inc", "two\nlines", "New")
    ]
    assert read.rejects["line"].to_list() == [4]


@pytest.mark.parametrize("blanks", ["", " ", "  ", "   "])
def test_a_quote_after_any_number_of_blanks_opens_a_cell(tmp_path: Path, blanks: str):
    read = batch(
        tmp_path, "course_mapping", COURSES + f'9001,{blanks}"Org",1,{blanks}"a, b",New,12\n'
    )
    assert read.rows.select("org_name", "course_name").rows() == [("Org", "a, b")]
    shifted = batch(tmp_path, "course_mapping", COURSES + f'9001,{blanks}"a, b",1,CS,New,12,,,\n')
    assert shifted.rows.select("org_name", "course_id").rows() == [("a, b", 1)], (
        "the comma inside split the cell"
    )


def test_quotes_inside_a_bare_cell_are_text(tmp_path: Path):
    read = batch(tmp_path, "course_mapping", COURSES + '9001, 5" disk, 1, a "b" c, New, 12\n')
    assert read.rows.select("org_name", "course_name").rows() == [('5" disk', 'a "b" c')]


def test_blanks_in_a_quoted_cell_are_kept_if_another_cell_has_blanks_after_its_quote(
    tmp_path: Path,
):
    read = batch(
        tmp_path,
        "course_mapping",
        COURSES + '9001, "say ""hi"" , bye" , 1, "a" , New, 12\n' + "x\n",
    )
    assert read.rows["org_name"].to_list() == ['say "hi" , bye']


def test_lines_of_rows_are_found_where_records_span_lines(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text(COURSES + course(1) + course(2, "a\nb") + course(3))
    found = lines_of_rows(path, [0, 1, 2], records=3)
    assert found["line"].to_list() == [2, 3, 5]
    assert found["raw"].to_list() == [
        course(1).strip(),
        course(2, "a\nb").strip(),
        course(3).strip(),
    ]


@pytest.mark.parametrize("dialect", Dialect)
def test_the_careful_reader_reads_every_dialect_as_it_was_meant(tmp_path: Path, dialect: Dialect):
    header = tuple(COURSES.strip().split(", "))
    cells = [
        ("1", "a, b", "2", 'say "hi"', "x y", "3"),
        ("1", "", "2", "two\nlines", "ü", ""),
        ("1", "'", "2", "a", "b", "3"),
    ]
    body, begins = render(Table("course_mapping", header, [Record(row) for row in cells]), dialect)
    path = tmp_path / "a.csv"
    path.write_bytes(body)
    read = list(read_records(path))[1:]
    meant = [
        tuple(cell.replace("\n", "\r\n") if dialect is Dialect.BOM_CRLF else cell for cell in row)
        for row in cells
    ]
    assert [tuple(record.cells) for record in read] == meant
    assert [record.line for record in read] == begins
