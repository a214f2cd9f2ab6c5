"""Cells to values: times."""

from datetime import datetime
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.typed_cells import typed


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
        ["it is over a day later than the file and had not happened yet"]
    ] * len(late)
    assert all(isinstance(value, datetime) for value in found[len(late) :]), found


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
