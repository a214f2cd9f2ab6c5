"""Cells to values: texts, flags and missing values; NULL is never 0."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from analytics_pipeline.ingest.csv.read_files import _connection
from analytics_pipeline_tests.support.deliveries import HEADER, batch
from analytics_pipeline_tests.support.typed_cells import typed


@pytest.mark.parametrize(
    ("name", "column"),
    [("aws_cost", "file_updated_time"), ("grades", "partnerid"), ("grades", "partid")],
)
def test_0_and_minus_1_in_an_optional_id_or_time_mean_no_value(
    tmp_path: Path, name: str, column: str
):
    assert typed(tmp_path, name, column, "0", "-1", "0.0", "-1.0", " 0\t") == [None] * 5


@pytest.mark.parametrize(
    ("name", "column"),
    [
        *(
            ("grades", "asnscore"),
            ("grades", "partnerid"),
            ("enrollment", "dropped"),
            ("enrollment", "role"),
        ),
        *(
            ("lab_sessions", "end_time"),
            ("enrollment", "organization_terms_agreed_date_utc"),
            ("enrollment", "client_key"),
        ),
    ],
)
def test_each_word_for_a_missing_value_is_null(tmp_path: Path, name: str, column: str):
    words = ["", "NULL", "\\N", "\u200b\u2003", "\tNULL "]
    if column in ("end_time", "organization_terms_agreed_date_utc"):
        words += ["0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00.000Z"]
    assert typed(tmp_path, name, column, *words) == [None] * len(words)


def test_a_person_may_be_called_null(tmp_path: Path):
    assert typed(tmp_path, "enrollment", "name", "NULL", "Null", "\\N", "") == [
        "NULL",
        "Null",
        "\\N",
        None,
    ]
    assert typed(tmp_path, "lab_sessions", "part_name", " NULL\t") == ["NULL"]


@pytest.mark.parametrize(
    "blank",
    [
        *("\t", "\n", "\u00a0", "\u200b", "\ufeff"),
        *(
            pytest.param(blank, marks=pytest.mark.thorough)
            for blank in ("\u2003", "\u3000", "\u2028", "\x85", "\u200d", "\u2060")
        ),
    ],
)
def test_blanks_around_a_cell_are_taken_off_in_every_type(tmp_path: Path, blank: str):
    def around(cell: str) -> str:
        return f"{blank} {cell} {blank}{blank}"

    assert typed(tmp_path, "lab_sessions", "lab_type", around("Cloud"), around("\u00e9")) == [
        "Cloud",
        "\u00e9",
    ]
    assert typed(tmp_path, "lab_sessions", "log", around("a b"), around("")) == ["a b", None]
    assert typed(tmp_path, "lab_sessions", "part_id", around("7")) == [7]
    assert typed(tmp_path, "aws_cost", "cost", around("7.5")) == [Decimal("7.5")]
    assert typed(tmp_path, "enrollment", "dropped", around("true")) == [True]
    midnight = datetime(2022, 2, 23)  # noqa: DTZ001
    assert typed(tmp_path, "lab_sessions", "init_time", around("Feb-23-2022 12:00:00 am UTC")) == [
        midnight
    ]


def test_the_inside_of_a_text_is_unchanged(tmp_path: Path):
    within = ["a\u00a0b", "a\u200bb", "a\tb", "\u202eb"]
    assert typed(tmp_path, "lab_sessions", "log", *within) == within


def test_flags_are_0_1_true_or_false(tmp_path: Path):
    cells = ("0", "1", "true", "FALSE", "", "1.0", "0.0")
    assert typed(tmp_path, "enrollment", "dropped", *cells) == [
        False,
        True,
        True,
        False,
        None,
        True,
        False,
    ]
    assert (
        typed(tmp_path, "enrollment", "dropped", "maybe", "2", "yes") == [["it is not 0 or 1"]] * 3
    )


def test_an_empty_cell_is_null_and_not_0(tmp_path: Path):
    assert typed(tmp_path, "grades", "asnscore", "", "  ", "0") == [None, None, Decimal(0)]
    assert typed(tmp_path, "grades", "maxscore", "", "0") == [None, Decimal(0)]


def test_an_unreadable_inessential_cell_is_emptied_and_its_text_kept(tmp_path: Path):
    assert typed(tmp_path, "grades", "partnerid", "2.0", "two", "-5") == [
        2,
        ["it is not a whole number"],
        ["it must be greater than 0"],
    ]
    assert typed(tmp_path, "enrollment", "organization_terms_agreed_date_utc", "soon") == [
        ["it is not a time in UTC"]
    ]
    read = batch(
        tmp_path,
        "aws_cost",
        HEADER["aws_cost"].strip() + ", Term\n001234567890, 5, a@b, 7, lab, 0.5, \tsoon , fall\n",
    )
    assert [json.loads(extra) for extra in read.rows["_extra"]] == [
        {"Term": "fall", "file_updated_time": "soon"}
    ]
    assert (read.files[0].warnings, read.files[0].rejects) == (1, 0)


def test_a_formula_is_text_and_stays_as_delivered(tmp_path: Path):
    assert typed(tmp_path, "enrollment", "name", "=HYPERLINK(1)", "+1", "-2+3") == [
        "=HYPERLINK(1)",
        "+1",
        "-2+3",
    ]
    assert typed(tmp_path, "aws_cost", "cost", "=1+1") == [["it is not a number"]]


def test_texts_reach_polars_as_the_views_that_it_keeps():
    """Each of the two DuckDB settings has no effect without the other, which only shows in the time
    of a load.
    """
    with _connection() as connection:
        table = connection.sql("SELECT 'more than twelve letters' AS text").to_arrow_table()
    assert table.schema.field("text").type == pa.string_view()
