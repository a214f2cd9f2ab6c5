"""Cells to values: whole numbers, amounts, flags, times; NULL is never 0."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from analytics_pipeline.ingest.csv.read_files import _connection
from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons

BIG = 2**63 - 1


EMPTIED = ", so the cell is left empty and its text kept in _extra"


def typed(folder: Path, name: str, column: str, *cells: str) -> list[object]:
    """Return what each cell becomes in that column of a sound row: its value, or the reasons for
    its rejection.

    An emptied cell is recognised by its warning, and its text must be in `_extra`.
    """
    sound = {
        "aws_cost": "862200000000, 5, a@b, 7, lab, 0.5, 1645823566",
        "grades": "1, C, 2, A, 0, 10, 3, , 5, 0, 4, P, 5, 6, R, 5, 8",
        "enrollment": "5, 6, student, N, a@b, k, 1, 0, 1, 2022-01-01",
        "lab_sessions": (
            "1, a@b, 2, C, 3, A, 4, P, VM, Feb-23-2022 9:40:20 pm UTC, Feb-23-2022 9:40:20 pm UTC,"
            " 0, , , , , , 1, 0, 9"
        ),
    }[name]
    headers = [head.strip().lower().replace(" ", "_") for head in HEADER[name].split(",")]
    headers = [
        head.replace("(min)", "min").replace("(mins)", "mins").replace("(ms)", "ms")
        for head in headers
    ]
    at = headers.index(column)
    rows = [[*sound.split(",")[:at], f'"{cell}"', *sound.split(",")[at + 1 :]] for cell in cells]
    read = batch(folder, name, HEADER[name] + "".join(",".join(row) + "\n" for row in rows))
    rejected: dict[int, list[str]] = {}
    for line, where, reason in reasons(read):
        rejected.setdefault(line, []).append(reason if where == column else f"{where}: {reason}")
    kept = {
        line: finding.reason
        for finding in read.files[0].findings
        for line in finding.lines
        if EMPTIED in finding.reason
    }
    lines = [line for line in range(2, len(cells) + 2) if line not in rejected]
    for line, value, extra in zip(lines, read.rows[column], read.rows["_extra"], strict=True):
        if line in kept:
            assert value is None
            assert column in json.loads(extra)
    values = iter(
        [
            [kept[line].removesuffix(EMPTIED)] if line in kept else value
            for line, value in zip(lines, read.rows[column], strict=True)
        ]
    )
    return [
        rejected[line] if line in rejected else next(values) for line in range(2, len(cells) + 2)
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "12.7",
        "1e3",
        "0x1f",
        "1_000",
        "1,000",
        "NaN",
        "inf",
        "1731xxx",
        "+",
        "-",
        "१२",
        "\uff11\uff12",
        "1 2",
        "٣",
    ],
)
def test_invalid_integers_are_rejected(tmp_path: Path, cell: str):
    assert typed(tmp_path, "aws_cost", "part_id", cell) == [["it is not a whole number"]]


def test_whole_numbers_are_parsed(tmp_path: Path):
    cells = ("7", " 7 ", "007", "+7", str(BIG), "7.0", "\t7.000\u200b", "\u00a07\u3000")
    assert typed(tmp_path, "aws_cost", "part_id", *cells) == [7, 7, 7, 7, BIG, 7, 7, 7]


def test_a_number_beyond_64_bits_is_rejected(tmp_path: Path):
    assert (
        typed(tmp_path, "aws_cost", "part_id", str(BIG + 1), "9" * 400)
        == [["it is not a whole number"]] * 2
    )


def test_an_id_that_must_be_positive_is_rejected_if_it_is_not(tmp_path: Path):
    assert typed(tmp_path, "aws_cost", "part_id", "0", "-7") == [["it must be greater than 0"]] * 2


def test_account_ids_are_text_and_keep_their_zeros(tmp_path: Path):
    assert typed(tmp_path, "aws_cost", "aws_account_id", "001234567890", "000000000000") == [
        "001234567890",
        "0" * 12,
    ]


@pytest.mark.parametrize("name", ["aws_cost", "service_spend"])
def test_an_account_id_that_lost_leading_zeros_gets_them_back_with_a_warning(
    tmp_path: Path, name: str
):
    row = {
        "aws_cost": "{}, 5, a@b, 7, lab, 0.5, 1645823566\n",
        "service_spend": "{}, 5, a@b, 6, 7, EC2, 0.5\n",
    }[name]
    read = batch(
        tmp_path,
        name,
        HEADER[name] + "".join(row.format("1234567890123"[:digits]) for digits in range(8, 14)),
    )
    assert read.rows["aws_account_id"].to_list() == [
        "000123456789",
        "001234567890",
        "012345678901",
        "123456789012",
    ]
    (warning,) = [finding for finding in read.files[0].findings if not finding.error]
    assert (warning.column, warning.lines) == ("aws_account_id", (3, 4, 5))
    assert "lost leading zeros" in warning.reason
    assert reasons(read) == [
        (line, "aws_account_id", "it must be twelve digits") for line in (2, 7)
    ]


@pytest.mark.parametrize(
    "cell", ["8622xxxx", "1.5", "-1", "8622\n0000", "862200000000\n1", "\uff11\uff12\uff13"]
)
def test_an_account_id_has_exactly_twelve_digits(tmp_path: Path, cell: str):
    assert typed(tmp_path, "aws_cost", "aws_account_id", cell) == [["it must be twelve digits"]]


@pytest.mark.parametrize(
    "cell", ["N/A", "NaN", "inf", "-inf", "1_0", "0x1", "$5", "1,5", "1e30", "9" * 30]
)
def test_invalid_amounts_are_rejected(tmp_path: Path, cell: str):
    assert typed(tmp_path, "aws_cost", "cost", cell) == [["it is not a number"]]


def test_amounts_are_decimal_and_exact(tmp_path: Path):
    cells = ("0.038598", "0", ".5", "1e-3", "1234567.123456789", "0.1")
    assert typed(tmp_path, "aws_cost", "cost", *cells) == [Decimal(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        *(
            ("5e-324", "0"),
            ("9e-38", "0"),
            ("6842.7E-27", "0"),
            ("98805868386149e-8", "988058.68386149"),
        ),
        *(("0.0559E8", "5590000"), ("1.5e-9", "0.000000002"), ("1E+2", "100")),
        *(("0.00035000000000000005", "0.00035"), ("0.1234567895", "0.12345679")),
    ],
)
def test_amounts_as_floats_are_printed_are_right_to_the_ninth_decimal(
    tmp_path: Path, cell: str, amount: str
):
    assert typed(tmp_path, "aws_cost", "cost", cell) == [Decimal(amount)]


@pytest.mark.parametrize("cell", ["791.7e7", "1e9", "1e309", "1e", "e5", "1_0e2", "1ee2"])
def test_an_amount_beyond_a_billion_or_with_a_broken_exponent_is_not_a_number(
    tmp_path: Path, cell: str
):
    assert typed(tmp_path, "aws_cost", "cost", cell) == [["it is not a number"]]


def test_a_missing_cost_is_rejected_and_a_negative_one_loads(tmp_path: Path):
    assert typed(tmp_path, "aws_cost", "cost", "-0.5", "") == [Decimal("-0.5"), ["it is empty"]]


def test_moments_are_read_padded_or_not_and_as_epoch_seconds(tmp_path: Path):
    at = datetime(2022, 2, 3, 9, 40, 20)  # noqa: DTZ001
    cells = (
        *("Feb-03-2022 9:40:20 am UTC", "Feb-03-2022 09:40:20 AM UTC", "Feb-3-2022 9:40:20 am UTC"),
        *(
            "2022-02-03 09:40:20",
            "2022-02-03T09:40:20Z",
            "2022-02-03T09:40:20.000000Z",
            "1643881220",
        ),
    )
    assert typed(tmp_path, "lab_sessions", "init_time", *cells) == [at] * len(cells)


def test_iso_times_have_t_or_a_blank_and_any_offset_and_default_to_utc(tmp_path: Path):
    at = datetime(2022, 2, 3, 9, 40, 20)  # noqa: DTZ001
    same = (
        *(
            "2022-02-03T09:40:20",
            "2022-02-03 09:40:20Z",
            "2022-02-03T09:40:20+00:00",
            "2022-02-03 09:40:20 UTC",
        ),
        *(
            "2022-02-03T11:40:20+02:00",
            "2022-02-03T11:40:20+02",
            "2022-02-03 06:10:20-0330",
            "2022-02-03T23:40:20+14:00",
        ),
        *("\u00a02022-02-03T09:40:20Z\t", "1643881220.0", "Feb-03-2022 9:40:20 am"),
    )
    assert typed(tmp_path, "lab_sessions", "init_time", *same) == [at] * len(same)
    fractions = (
        "2022-02-03T09:40:20.5Z",
        "2022-02-03 11:40:20,500000999+02:00",
        "1643881220.5",
        "2022-02-03T09:40:20.5",
    )
    assert (
        typed(tmp_path, "lab_sessions", "init_time", *fractions)
        == [at.replace(microsecond=500_000)] * 4
    )
    assert typed(tmp_path, "lab_sessions", "init_time", "2022-02-03T09:40") == [
        at.replace(second=0)
    ]


def test_noon_and_midnight_are_not_mixed_up(tmp_path: Path):
    cells = ("Feb-23-2022 12:00:00 am UTC", "Feb-23-2022 12:00:00 pm UTC")
    assert typed(tmp_path, "lab_sessions", "init_time", *cells) == [
        datetime(2022, 2, 23),  # noqa: DTZ001
        datetime(2022, 2, 23, 12),  # noqa: DTZ001
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "Feb-30-2026 9:40:20 pm UTC",
        "Feb-23-2022 13:40:20 pm UTC",
        "yesterday",
        "1e9",
        *(
            "2022-02-03T24:00:00Z",
            "2022-02-03T09:40:20+15:00",
            "2022-02-30T09:40:20+01:00",
            "2022-02-03T09:40.5",
        ),
        *("20260109", "46031", "202601091011", "1645823566000", "01645823566"),
        "9" * 12,
        "9" * 30,
        "2022-13-01",
        "Feb-23-2022 9:40:20 pm EST",
    ],
)
def test_invalid_times_are_rejected(tmp_path: Path, cell: str):
    assert typed(tmp_path, "lab_sessions", "init_time", cell) == [["it is not a time in UTC"]]


def test_a_time_more_than_a_day_after_its_file_means_still_open(tmp_path: Path):
    """The file is written on 2026-01-10 at midnight."""
    late = (
        "9999-12-31 23:59:59",
        "Dec-31-9999 11:59:59 pm UTC",
        "9999999999",
        "2038-01-19 03:14:07",
        "2026-01-11 00:00:01",
    )
    seen = ("1970-01-01 00:00:00", "100000000", "2026-01-11 00:00:00")
    found = typed(tmp_path, "aws_cost", "file_updated_time", *late, *seen)
    assert found[: len(late)] == [
        ["it is over a day later than the file, so its end may not be known yet"]
    ] * len(late)
    assert all(isinstance(value, datetime) for value in found[len(late) :]), found


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
        "\t",
        "\n",
        "\u00a0",
        "\u2003",
        "\u3000",
        "\u2028",
        "\x85",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\u2060",
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


@pytest.mark.parametrize(
    "cell",
    [
        "epoch",
        "EPOCH",
        "infinity",
        "-infinity",
        "0000-01-01",
        "0001-01-01",
        "226-01-01",
        "Jan-09-226",
        "253402300800",
    ],
)
def test_words_and_years_that_duckdb_would_parse_as_times_are_rejected(tmp_path: Path, cell: str):
    assert typed(tmp_path, "aws_cost", "file_updated_time", cell) == [["it is not a time in UTC"]]


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


def test_a_number_beyond_its_domain_is_kept_to_the_last_digit(tmp_path: Path):
    rows = [
        f"1, a@b, 2, C, 3, A, 4, P, VM, , , {minutes}, , , , , , 1, {times}, 9\n"
        for minutes, times in [("527040.000001", BIG), ("-7.50", "-2")]
    ]
    read = batch(tmp_path, "lab_sessions", HEADER["lab_sessions"] + "".join(rows))
    assert [json.loads(extra) for extra in read.rows["_extra"]] == [
        {"duration_min": "527040.000001", "disconnects": str(BIG)},
        {"duration_min": "-7.5", "disconnects": "-2"},
    ]


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
