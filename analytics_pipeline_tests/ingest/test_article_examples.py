"""The vendor's article as printed: each dataset's example row, with its masked digits and with real
digits.
"""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons

PRINTED = {
    "lab_sessions": (
        '1731xxx, user@vocareum.com, 45686, "Kevin 2021", 760081, lab-04-api, 760084,'
        ' assignment-part, Cloud,"Feb-23-2022 9:40:20 pm UTC", "Feb-23-2022 11:40:22 pm UTC",'
        ' 120.03333333333," START successful; CFN creation successful; END successful (Session'
        ' Timer Expires)",,"Jun-01-2022 9:14:57 pm UTC", "Jun-01-2022 9:15:02 pm UTC",'
        " 0.083333333333333, 180"
    ),
    "aws_cost": (
        "8622xxxx, 1731xxxx, user@vocareum.com, 760084, assignment-part, 0.038598, 1645823566"
    ),
    "azure_cost": "8622xxxx, user@vocareum.com, 760084, assignment-part, 10, 2022, 0.07",
    "service_spend": (
        '862252xxx, 173xxxx, user@vocareum.com, 45686,760084, "Amazon Elastic Compute Cloud",'
        " 0.037481"
    ),
    "asn_mapping": '9xxx, 1020, 190155, "AWS Sandbox", 190156, Lab, 50833, 50834',
    "course_mapping": '9xxx, "Example Org", 4051, "Example CS 17 - 1", "Clone by Reference", 10x',
    "grades": (
        '20154, "Test Course", 412074, "Makeup HW 1 (grading script)", 0, 14, 9260xx, 10, 0,'
        ' 412075, "Makeup HW 1", 10, 551636, Score, 10, 926xx'
    ),
    "enrollment": "1731xxx, 20154, student, user@vocareum.com, demokey, 9999999, 0,,",
}
"""The article's examples, letter for letter."""

MASKED = {
    "lab_sessions": {"user_id"},
    "aws_cost": {"aws_account_id", "user_id"},
    "azure_cost": {"user_id"},
    "service_spend": {"aws_account_id", "user_id"},
    "asn_mapping": {"org_id"},
    "course_mapping": {"org_id"},
    "grades": {"userid"},
    "enrollment": {"userid"},
}
"""Columns whose id the article masks, which makes it invalid."""

LOADED = {
    "aws_cost": {
        "aws_account_id": "862200000000",
        "user_id": 17310000,
        "user_email": "user@vocareum.com",
        "part_id": 760084,
        "part_name": "assignment-part",
        "cost": Decimal("0.038598"),
        "file_updated_time": datetime(2022, 2, 25, 21, 12, 46),  # noqa: DTZ001
        "deactivation_date": None,
    },
    "azure_cost": {
        "user_id": 86220000,
        "user_email": "user@vocareum.com",
        "part_id": 760084,
        "part_name": "assignment-part",
        "month": 10,
        "year": 2022,
        "monthly_cost_to_date": Decimal("0.07"),
    },
    "service_spend": {
        "aws_account_id": "862252000000",
        "user_id": 1730000,
        "user_email": "user@vocareum.com",
        "course_id": 45686,
        "part_id": 760084,
        "service": "Amazon Elastic Compute Cloud",
        "cost": Decimal("0.037481"),
    },
    "asn_mapping": {
        "org_id": 9000,
        "course_id": 1020,
        "assignment_id": 190155,
        "assignment_name": "AWS Sandbox",
        "part_id": 190156,
        "part_name": "Lab",
        "parent_assignment_id": 50833,
        "parent_part_id": 50834,
    },
    "course_mapping": {
        "org_id": 9000,
        "org_name": "Example Org",
        "course_id": 4051,
        "course_name": "Example CS 17 - 1",
        "create_method": "Clone by Reference",
        "parent_course_id": 100,
    },
}


def unmasked(name: str) -> str:
    """Replace the mask in an example by digits; an account id has twelve digits, of which the mask
    shows fewer.
    """
    printed = PRINTED[name]
    if name in ("aws_cost", "service_spend"):
        printed = re.sub(
            r"^[0-9]+x+", lambda masked: masked[0].replace("x", "").ljust(12, "0"), printed
        )
    return (
        printed.replace("xxxx", "0000")
        .replace("xxx", "000")
        .replace("xx,", "00,")
        .replace("0x", "00")
    )


@pytest.mark.parametrize("name", PRINTED)
def test_a_masked_id_is_quarantined_under_its_own_column(tmp_path: Path, name: str):
    read = batch(tmp_path, name, HEADER[name] + PRINTED[name] + "\n")
    assert read.rows.height == 0
    found = {
        column
        for _, column, reason in reasons(read)
        if reason == "it is not a whole number" or "digits" in reason
    }
    assert found >= MASKED[name], reasons(read)


@pytest.mark.parametrize("name", LOADED)
def test_the_example_loads_with_its_types_and_values(tmp_path: Path, name: str):
    read = batch(tmp_path, name, HEADER[name] + unmasked(name) + "\n")
    assert read.rejects.height == 0, reasons(read)
    (row,) = read.rows.select(LOADED[name].keys()).to_dicts()
    assert row == LOADED[name]
    assert read.files[0].warnings == 0, read.files[0].findings


def test_the_lab_sessions_example_loads_though_it_is_short_with_a_warning_for_its_launch(
    tmp_path: Path,
):
    read = batch(tmp_path, "lab_sessions", HEADER["lab_sessions"] + unmasked("lab_sessions") + "\n")
    assert read.rejects.height == 0, reasons(read)
    (row,) = read.rows.to_dicts()
    assert (row["user_id"], row["lab_type"], row["tags"]) == (1731000, "Cloud", None)
    assert row["start_time"] == datetime(2022, 2, 23, 21, 40, 20)  # noqa: DTZ001
    assert row["duration_min"] == Decimal("120.033333")
    assert row["log"].startswith("START successful; CFN"), "cells are trimmed, inside quotes too"
    assert row["concurrent_labs_count"] == 180
    assert (row["disconnects"], row["latency_time_ms"]) == (
        None,
        None,
    ), "a missing cell is NULL, not 0"
    warnings = {
        (finding.column, finding.reason): finding.lines for finding in read.files[0].findings
    }
    assert warnings == {("*", "launch_time should not be after end_time"): (2,)}


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        ("grades", "isoverride", "it is not 0 or 1"),
        (
            "enrollment",
            "name",
            "it should hold no @, and the row is not as wide as the header, so it may be shifted",
        ),
    ],
)
def test_an_example_with_a_cell_missing_inside_is_not_loaded_shifted(
    tmp_path: Path, name: str, column: str, reason: str
):
    read = batch(tmp_path, name, HEADER[name] + unmasked(name) + "\n")
    assert read.rows.height == 0, "a row whose cells are shifted was loaded"
    assert (2, column, reason) in reasons(read)
    assert read.rejects["raw"].to_list() == [unmasked(name)], "the raw text is kept as delivered"
