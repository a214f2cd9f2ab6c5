"""Headers: matched by normal form in any order; an unreadable file is refused alone, with a
remedy.
"""

import gzip
import json
from pathlib import Path

import pytest

from analytics_pipeline.ingest.csv.header import MAX_NAME
from analytics_pipeline.ingest.remedies import remedy
from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons, verdict

COURSES = HEADER["course_mapping"]
ROW = '9001, "Example Org", 4051, "CS 17", New, 12\n'


def test_headers_are_matched_by_their_normal_form(tmp_path: Path):
    headers = "User ID,user_email,PART   id,Part-Name,MONTH,(Year),Monthly-cost-to-date\n"
    read = batch(tmp_path, "azure_cost", headers + "5,a@b,7,lab,10,2022,0.07\n")
    assert read.files[0].failure is None, read.files[0].failure
    assert read.rows.select("user_id", "part_id", "part_name", "year").row(0) == (5, 7, "lab", 2022)


def test_columns_may_come_in_any_order(tmp_path: Path):
    names = COURSES.strip().split(", ")
    cells = dict(zip(names, ROW.strip().split(", "), strict=True))
    turned = (
        ", ".join(reversed(names))
        + "\n"
        + ", ".join(cells[name] for name in reversed(names))
        + "\n"
    )
    columns = [*names, "_extra"]
    straight = batch(tmp_path, "course_mapping", COURSES + ROW).rows.select(columns)
    assert batch(tmp_path, "course_mapping", turned).rows.select(columns).equals(straight)


def test_a_missing_required_column_fails_that_file_alone(tmp_path: Path):
    without = COURSES.replace("create_method, ", "")
    read = batch(
        tmp_path,
        "course_mapping",
        COURSES + ROW,
        without + "9001, Org, 4051, CS, 12\n",
        COURSES + ROW,
    )
    assert [file.failure is None for file in read.files] == [True, False, True]
    failure = read.files[1].failure
    assert failure is not None
    assert "lacks create_method" in failure.reason
    assert "datasets/course_mapping.py" in failure.remedy
    assert read.rows["_file"].to_list() == [
        0,
        2,
    ], "the other files' rows load, and none of the failed one"


def test_an_optional_column_may_be_missing_or_present(tmp_path: Path):
    row = "862200000000, 5, a@b, 7, lab, 0.5, 1645823566"
    read = batch(
        tmp_path,
        "aws_cost",
        HEADER["aws_cost"] + row + "\n",
        HEADER["aws_cost"].strip() + ", Deactivation Date\n" + row + ", 2022-03-01\n",
    )
    assert [file.failure for file in read.files] == [None, None]
    assert [str(value) for value in read.rows["deactivation_date"]] == [
        "None",
        "2022-03-01 00:00:00",
    ]


def test_an_unannounced_column_is_kept_under_its_delivered_name(tmp_path: Path):
    header = COURSES.strip() + ', Sp\'ecial "" Näme;, Term\n'
    read = batch(
        tmp_path,
        "course_mapping",
        header + ROW.strip() + ", x'); DROP TABLE t; --, fall\n" + ROW.strip() + ", ,\n",
    )
    first, second = read.rows["_extra"].to_list()
    assert json.loads(first) == {'Sp\'ecial "" Näme;': "x'); DROP TABLE t; --", "Term": "fall"}
    assert second is None, "empty unannounced cells are nothing"
    finding, *_ = read.files[0].findings
    assert (finding.reason, finding.count, finding.lines) == (
        "the header has 2 unannounced columns, kept in _extra",
        0,
        (1,),
    )


def test_a_single_unannounced_column_is_counted_in_the_singular_and_has_its_remedy(tmp_path: Path):
    read = batch(
        tmp_path, "course_mapping", COURSES.strip() + ", Term\n" + ROW.strip() + ", fall\n"
    )
    finding, *_ = read.files[0].findings
    assert finding.reason == "the header has 1 unannounced column, kept in _extra"
    assert "declare them in" in remedy("course_mapping", finding.reason, is_error=False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf\r\n  \n", "it is empty"),
        (b"<!DOCTYPE html><html><body>403</body></html>", "HTML"),
        (b'\n {"status": "error"}', "JSON"),
        (gzip.compress(COURSES.encode(), mtime=0), "gzip"),
        (b"PK\x03\x04rest", "zip"),
        (COURSES.encode("utf-16"), "UTF-16"),
        (COURSES.encode("utf-16-be"), "NUL"),
        (b"PAR1rest", "Parquet"),
        ((COURSES.strip() + ", ORG id\n" + ROW).encode(), "has org_id twice"),
        (
            (COURSES.strip() + ", king@x.org, 7, king@x.org\n").encode(),
            "has column 7 (as column 9) twice",
        ),
        (b'org_id, "org_name\n', "the header can't be read: a quote is opened and not closed"),
        (b"a" * 2_500_000 + b"\n", "the line is longer than 2,000,000 characters"),
        (",".join(f"c{at}" for at in range(3_000)).encode() + b"\n", "3,000 columns"),
        (
            (COURSES.strip() + ", Term," + "q" * 201 + "\n" + ROW).encode(),
            "the name of column 8 has 201 characters, more than the limit of 200",
        ),
        (b"a," * 1_000_000, "can't be read: the line is longer"),
        (b"org_\xe9d, org_name\n", "the text is not UTF-8"),
        (b"just some text\nand more\n", "lacks"),
        (ROW.encode(), "lacks"),
    ],
)
def test_a_body_that_is_not_csv_is_refused_with_a_reason(tmp_path: Path, body: bytes, reason: str):
    result = verdict(tmp_path, "course_mapping", body)
    assert result.failure is not None, "it was loaded"
    assert reason in result.failure.reason
    assert result.failure.remedy
    assert (result.records, result.rows, result.rejects) == (0, 0, 0)
    assert len(str(result.failure)) < 1_000, "the message repeats the file"


def test_a_column_of_the_longest_name_is_kept(tmp_path: Path):
    name = "q" * MAX_NAME
    read = batch(tmp_path, "course_mapping", f"{COURSES.strip()}, {name}\n{ROW.strip()}, x\n")
    assert [json.loads(extra) for extra in read.rows["_extra"].to_list()] == [{name: "x"}]


def test_a_header_only_file_is_loaded_with_no_rows(tmp_path: Path):
    for body in (COURSES, COURSES.strip(), COURSES + "\n  \n\n", "\ufeff" + COURSES):
        result = verdict(tmp_path, "course_mapping", body)
        assert (result.failure, result.records, result.rows) == (None, 0, 0), repr(body)


def test_a_header_repeated_among_the_rows_is_a_reject(tmp_path: Path):
    read = batch(tmp_path, "course_mapping", COURSES + ROW + COURSES + ROW)
    assert (read.rows.height, read.rejects["line"].to_list()) == (2, [3])


def test_a_header_after_blank_lines_or_over_several_lines_is_found(tmp_path: Path):
    for head in ("\n\n", "\ufeff\r\n"):
        read = batch(
            tmp_path, "course_mapping", head + COURSES + ROW + "9001, Org, none, CS, New, 1\n"
        )
        assert (read.rows.height, read.rejects["line"].to_list()) == (
            1,
            [head.count("\n") + 3],
        ), reasons(read)
    over_lines = COURSES.replace("org_name", '"org\nname"')
    assert batch(tmp_path, "course_mapping", over_lines + ROW).rows["org_name"].to_list() == [
        "Example Org"
    ]


def test_a_header_with_trailing_commas_loads(tmp_path: Path):
    read = batch(tmp_path, "course_mapping", COURSES.strip() + ",,\n" + ROW.strip() + ",,\n" + ROW)
    assert (read.files[0].failure, read.rows.height, read.rows["_extra"].to_list()) == (
        None,
        2,
        [None, None],
    )


def test_nul_after_a_header_that_ends_with_a_lone_return_affects_only_its_row(tmp_path: Path):
    result = verdict(
        tmp_path, "course_mapping", COURSES.strip().encode() + b"\r9001, O\0, 1, C, New, 2\r"
    )
    assert result.failure is None
    assert (result.records, result.rows) == (1, 1)
