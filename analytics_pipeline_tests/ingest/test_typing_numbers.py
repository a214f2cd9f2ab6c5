"""Cells to values: whole numbers, account ids and amounts."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons
from analytics_pipeline_tests.support.typed_cells import typed

BIG = 2**63 - 1


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
