"""Damaged files: every recognisable good row is loaded, every other record is rejected under its
own line."""

from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.demo.organisation import Dialect
from analytics_pipeline.demo.organisation.table import Record, Table, render
from analytics_pipeline.ingest.csv import read_files
from analytics_pipeline.ingest.csv.line_lookup import lines_of_rows
from analytics_pipeline.ingest.csv.tolerant_reader import MAX_LINE, read_records
from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons

COURSES = HEADER["course_mapping"]
OPEN, BEHIND, NO_UTF8 = (
    "a quote is opened and not closed",
    "text follows a closing quote",
    "the text is not UTF-8",
)


def course(number: int, name: str = "CS") -> str:
    return f'9001, Org, {number}, "{name}", New, 12\n'


def outcome(folder: Path, body: bytes | str) -> tuple[list[int], list[tuple[int, str]]]:
    """Return the course ids that load, and line and reason of the rejects."""
    read = batch(folder, "course_mapping", body)
    assert read.files[0].failure is None, read.files[0].failure
    assert read.files[0].records == read.rows.height + read.rejects.height
    return read.rows["course_id"].to_list(), [(line, reason) for line, _, reason in reasons(read)]


def test_an_open_quote_costs_only_its_own_line(tmp_path: Path):
    body = COURSES + course(1) + '9001, "Org, 2, CS, New, 12\n' + course(3) + course(4)
    assert outcome(tmp_path, body) == ([1, 3, 4], [(3, OPEN)])


def test_two_open_quotes_do_not_swallow_the_rows_between_them(tmp_path: Path):
    body = (
        COURSES
        + '9001, "Org, 1, CS, New, 12\n'
        + "9001, Org, 2, CS, New, 12\n"
        + '9001, "Org, 3, CS, New, 12\n'
        + course(4)
    )
    assert outcome(tmp_path, body) == ([2, 4], [(2, OPEN), (4, OPEN)])


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


@pytest.mark.parametrize(
    "closing",
    ['9001, Org, 0, 5", New, 12\n', '9001", Org, 0, CS, New, 12\n', '9001, Org, 0, CS, New, 12"\n'],
)
def test_an_open_quote_that_a_later_row_closes_takes_no_row_along(tmp_path: Path, closing: str):
    """A line that is a complete record by itself tells a swallowed row from one row with too many
    or too few cells.
    """
    body = (
        COURSES
        + '9001, "Org, 1, CS, New, 12\n'
        + "9001, Org, 2, CS, New, 12\n"
        + closing
        + course(4)
    )
    ids, rejects = outcome(tmp_path, body)
    assert (ids, (2, OPEN) in rejects, {line for line, _ in rejects}) == ([2, 4], True, {2, 4})


@pytest.mark.parametrize(
    "closing", ['9001, Org, 0, 5", New\n', '9, "\n', '9001, Org, 0, "CS", New"\n']
)
def test_an_open_quote_costs_only_its_line_if_all_rows_lack_their_last_cells(
    tmp_path: Path, closing: str
):
    """They are then as wide as each other, but not as the header."""
    rows = [f"9001, Org, {number}, CS, New\n" for number in range(6)]
    body = COURSES + rows[1] + '9001, "Org, 2, CS, New\n' + rows[3] + closing + rows[5]
    ids, rejects = outcome(tmp_path, body)
    assert (ids, (3, OPEN) in rejects, {line for line, _ in rejects}) == ([1, 3, 5], True, {3, 5})


def test_a_short_row_that_spans_lines_is_one_record(tmp_path: Path):
    body = COURSES + '9001, Org, 1, "two\nlines"\n' + '9001, "Org\nInc"\n' + course(3)
    assert outcome(tmp_path, body) == (
        [1, 3],
        [(4, "the row has 2 cells and the header 6: it lacks course_id")],
    )


def test_a_last_record_cut_off_inside_quotes_is_not_dropped_in_silence(tmp_path: Path):
    for cut in (
        '9001, Org, 2, "CS',
        '9001, Org, 2, "CS\n',
        '9001, Org, 2, CS, New, "12""',
        '9001, "',
    ):
        assert outcome(tmp_path, COURSES + course(1) + cut) == ([1], [(3, OPEN)]), cut


def test_a_large_file_cut_off_inside_quotes_keeps_all_its_other_rows(tmp_path: Path):
    many = 40_000
    body = (
        COURSES
        + "".join(course(at, "two\nlines") for at in range(1, many + 1))
        + '9001, Org, 5, "cut'
    )
    assert outcome(tmp_path, body) == (list(range(1, many + 1)), [(2 * many + 2, OPEN)])


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


def test_text_after_a_closing_quote_is_damage_and_not_guessed_at(tmp_path: Path):
    body = COURSES + course(1) + '9001, "Org" Inc, 2, CS, New, 12\n' + course(3)
    assert outcome(tmp_path, body) == ([1, 3], [(3, BEHIND)])


def test_bytes_that_are_not_utf_8_cost_only_their_record_and_stay_readable(tmp_path: Path):
    body = (COURSES + course(1)).encode() + b"9001, caf\xe9, 2, CS, New, 12\n" + course(3).encode()
    read = batch(tmp_path, "course_mapping", body)
    assert (read.rows["course_id"].to_list(), reasons(read)) == ([1, 3], [(3, "*", NO_UTF8)])
    assert read.rejects["raw"].to_list() == ["9001, caf\\xe9, 2, CS, New, 12"]


def test_a_nul_and_other_control_characters_are_text(tmp_path: Path):
    read = batch(
        tmp_path,
        "course_mapping",
        COURSES + course(1, "a\0b") + course(2, "\x01\x1a\x7f") + course(3),
    )
    assert read.rows["course_name"].to_list() == ["a\0b", "\x01\x1a\x7f", "CS"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_any_line_end_separates_records(tmp_path: Path, end: str, last: str):
    body = (COURSES + course(1) + course(0) + course(3)).replace("\n", end)
    ids, rejects = outcome(tmp_path, body if last else body.removesuffix(end))
    assert (ids, rejects) == ([1, 3], [(3, "it must be greater than 0")])


@pytest.mark.parametrize(
    "ends", [("\r\n", "\n", "\n"), ("\n", "\r\n", "\n"), ("\n", "\r", "\n"), ("\r", "\n", "\r\n")]
)
def test_mixed_line_ends_separate_records_too(tmp_path: Path, ends: tuple[str, str, str]):
    lines = zip((COURSES, course(1), course(0)), ends, strict=True)
    body = "".join(line.strip() + end for line, end in lines) + course(3)
    assert outcome(tmp_path, body) == ([1, 3], [(3, "it must be greater than 0")])


def test_a_file_with_mixed_line_ends_does_not_affect_its_batch(tmp_path: Path):
    mixed = COURSES + course(3).replace("\n", "\r\n") + course(4)
    read = batch(
        tmp_path, "course_mapping", COURSES + course(1), mixed, COURSES + course(5) + "9001\n"
    )
    assert [(file.rows, file.rejects) for file in read.files] == [(1, 0), (2, 0), (1, 1)]
    assert sorted(read.rows.select("_file", "course_id").rows()) == [(0, 1), (1, 3), (1, 4), (2, 5)]


def test_blank_lines_are_not_records_but_count_as_lines(tmp_path: Path):
    body = COURSES + "\n" + course(1) + "   \n\t\n" + course(0) + "\n\n" + course(3) + "\n"
    assert outcome(tmp_path, body) == ([1, 3], [(6, "it must be greater than 0")])


def test_a_row_of_empty_cells_is_a_record(tmp_path: Path):
    assert outcome(tmp_path, COURSES + ",,,,,\n" + course(2)) == ([2], [(2, "it is empty")])


def test_a_line_of_unicode_blanks_is_a_rejected_record(tmp_path: Path):
    ids, rejects = outcome(tmp_path, COURSES + "\u00a0\n" + course(2))
    assert (ids, [line for line, _ in rejects]) == ([2], [2])


def test_empty_cells_beyond_the_header_are_ignored_and_others_are_a_fault(tmp_path: Path):
    body = COURSES + course(1).strip() + ",, ,\n" + course(2).strip() + ", x\n" + course(3)
    assert outcome(tmp_path, body) == ([1, 3], [(3, "the row has 7 cells and the header 6")])


def test_a_short_row_loads_if_its_missing_cells_may_be_empty(tmp_path: Path):
    body = COURSES + "9001, Org, 1, CS\n" + "9001, Org\n" + course(3)
    assert outcome(tmp_path, body) == (
        [1, 3],
        [(3, "the row has 2 cells and the header 6: it lacks course_id")],
    )


def test_an_over_long_line_is_one_damaged_record(tmp_path: Path):
    body = COURSES + course(1) + course(2, "x" * (2 * MAX_LINE + 5)) + course(3)
    ids, ((line, reason),) = outcome(tmp_path, body)
    assert (ids, line, reason) == ([1, 3], 3, f"the line is longer than {MAX_LINE:,} characters")


def test_an_over_long_line_inside_quotes_is_not_cut_in_silence(tmp_path: Path):
    body = COURSES + course(1) + course(2, "two\n" + "x" * (2 * MAX_LINE)) + course(3)
    ids, rejects = outcome(tmp_path, body)
    assert (ids, [line for line, _ in rejects]) == ([1, 3], [3, 4])


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


def test_a_long_cell_below_the_limit_is_complete(tmp_path: Path):
    read = batch(tmp_path, "course_mapping", COURSES + course(1, "x" * 1_900_000))
    assert read.rows["course_name"].str.len_chars().to_list() == [1_900_000]


def test_the_search_after_an_open_quote_is_bounded(tmp_path: Path):
    """Only in a damaged file: DuckDB accepts a record of any number of lines in a sound one."""
    body = COURSES + course(1) + course(2, "y\n" * 1_500) + course(3)
    assert outcome(tmp_path, body) == ([1, 2, 3], [])
    result = batch(tmp_path, "course_mapping", body + "short\n").files[0]
    assert (result.records, result.rows, result.rejects) == (
        1_504,
        2,
        1_502,
    ), "each line is a damaged record of its own"
    assert result.failure is not None


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
