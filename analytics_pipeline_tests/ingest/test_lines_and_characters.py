"""Line ends, blank and over-long lines, and characters that are not text."""

from pathlib import Path

import pytest

from analytics_pipeline.ingest.csv.tolerant_reader import MAX_LINE
from analytics_pipeline_tests.support.course_files import COURSES, NO_UTF8, course, outcome
from analytics_pipeline_tests.support.deliveries import batch, reasons


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


def test_a_line_of_unicode_blanks_is_a_rejected_record(tmp_path: Path):
    ids, rejects = outcome(tmp_path, COURSES + "\u00a0\n" + course(2))
    assert (ids, [line for line, _ in rejects]) == ([2], [2])


def test_an_over_long_line_is_one_damaged_record(tmp_path: Path):
    body = COURSES + course(1) + course(2, "x" * (2 * MAX_LINE + 5)) + course(3)
    ids, ((line, reason),) = outcome(tmp_path, body)
    assert (ids, line, reason) == ([1, 3], 3, f"the line is longer than {MAX_LINE:,} characters")


def test_a_long_cell_below_the_limit_is_complete(tmp_path: Path):
    read = batch(tmp_path, "course_mapping", COURSES + course(1, "x" * 1_900_000))
    assert read.rows["course_name"].str.len_chars().to_list() == [1_900_000]
