"""Quotes that are opened and not closed, or closed too early: they cost only their own record."""

from pathlib import Path

import pytest

from analytics_pipeline.ingest.csv.tolerant_reader import MAX_LINE
from analytics_pipeline_tests.support.course_files import BEHIND, COURSES, OPEN, course, outcome
from analytics_pipeline_tests.support.deliveries import batch


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


def test_text_after_a_closing_quote_is_damage_and_not_guessed_at(tmp_path: Path):
    body = COURSES + course(1) + '9001, "Org" Inc, 2, CS, New, 12\n' + course(3)
    assert outcome(tmp_path, body) == ([1, 3], [(3, BEHIND)])


def test_an_over_long_line_inside_quotes_is_not_cut_in_silence(tmp_path: Path):
    body = COURSES + course(1) + course(2, "two\n" + "x" * (2 * MAX_LINE)) + course(3)
    ids, rejects = outcome(tmp_path, body)
    assert (ids, [line for line, _ in rejects]) == ([1, 3], [3, 4])


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
