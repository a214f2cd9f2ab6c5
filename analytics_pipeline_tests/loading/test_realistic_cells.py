"""Cells as real exports write them: times, no value, absurd amounts, unannounced columns."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.datasets import FEED, Dataset
from analytics_pipeline_tests.support.deliveries import HEADER, KEYS, batch
from analytics_pipeline_tests.support.realistic_exports import AWS, built, spend


def test_an_absurd_amount_is_quarantined_with_file_and_line_and_stops_nothing(tmp_path: Path):
    rows = (
        spend("086225200000", "600000000")
        + spend("086225200001", "600000000")
        + spend("086225200002", "7")
    )
    warehouse = built(tmp_path, {AWS.format(8): HEADER["aws_cost"] + rows})
    found = warehouse.query(
        'SELECT source_key, line, reasons[1]."column" FROM quarantine.rejects ORDER BY line'
    )
    assert found == [(f"org9001/{AWS.format(8)}", line, "cost") for line in (2, 3)]
    assert warehouse.query("SELECT sum(cost) FROM marts.daily_cloud_spend") == [(7,)]


def test_one_row_of_the_year_2062_is_quarantined_and_dates_no_spend(tmp_path: Path):
    rows = [f"5, a@b, 7, lab, 1, {year}, 3\n" for year in (2026, 2062)]
    key = KEYS["azure_cost"]
    warehouse = built(tmp_path, {key: HEADER["azure_cost"] + "".join(rows)})
    found = warehouse.query("SELECT source_key, line, len(reasons) FROM quarantine.rejects")
    assert found == [(f"org9001/{key}", 3, 1)]
    days = "SELECT max(day)::VARCHAR, sum(cost)::INT FROM marts.spend_days"
    assert warehouse.query(days) == [("2026-01-09", 3)]


@pytest.mark.parametrize("dataset", FEED.values(), ids=FEED)
def test_every_number_that_is_summed_has_a_domain_and_every_key_is_essential(dataset: Dataset):
    assert set(dataset.row_key) <= {column.name for column in dataset.columns if column.essential}
    for column in dataset.columns:
        bounded = any(
            check.name == "in_range" for check in dataset.schema.columns[column.name].checks
        )
        assert bounded or not column.sql_type.startswith("DECIMAL"), f"{column.name} needs a domain"


def test_unannounced_columns_in_any_number_do_not_hinder_the_reading_of_a_bad_cell(tmp_path: Path):
    """More than 63 columns, with a bad cell in the last known one."""
    header = [*(f"Term {n}" for n in range(80)), *HEADER["azure_cost"].strip().split(", ")]
    rows = [
        ",".join([*["x"] * 80, *cells])
        for cells in (
            ["5", "a@b", "7", "lab", "1", "2026", "1"],
            ["5", "a@b", "7", "lab", "1", "2026", "?"],
        )
    ]
    read = batch(tmp_path, "azure_cost", "\n".join([",".join(header), *rows, ""]))
    assert (read.rows.height, read.rejects["line"].to_list()) == (1, [3])


WORDS = st.sampled_from(["", "0", "-1", "0.0", "NULL", r"\N", "0000-00-00", "\u200b", " \t"])
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2026, 1, 9)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)


@pytest.mark.thorough
@given(at=MOMENTS, form=st.integers(0, 6), before=st.sampled_from(["", " ", "\t", "\u00a0\u200b"]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_every_form_of_a_timestamp_is_parsed_alike(
    tmp_path_factory: pytest.TempPathFactory, at: datetime, form: int, before: str
):
    seconds = int((at - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
    article = f"{at:%b-%d-%Y} {at.hour % 12 or 12}:{at:%M:%S} {'am' if at.hour < 12 else 'pm'}"
    cell = [
        f"{article} UTC",
        article,
        f"{at:%Y-%m-%d %H:%M:%S}",
        f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
        f"{seconds}",
        f"{seconds}.0",
        f"{at:%Y-%m-%dT%H:%M:%S}+00:00",
    ][form]
    body = HEADER["aws_cost"] + spend("086225200000", "1", f'"{before}{cell}{before}"')
    read = batch(tmp_path_factory.mktemp("moment"), "aws_cost", body)
    assert (read.rows["file_updated_time"].to_list(), read.files[0].findings) == ([at], [])


@pytest.mark.thorough
@given(words=st.lists(WORDS, min_size=3, max_size=3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_text_for_no_value_becomes_a_finding_or_a_value(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
):
    row = "9001, Org, {}, CS, New, {}\n"
    body = HEADER["course_mapping"] + "".join(
        row.format(at, f'"{word}"') for at, word in enumerate(words, start=1)
    )
    read = batch(tmp_path_factory.mktemp("words"), "course_mapping", body)
    assert (read.rows["parent_course_id"].to_list(), read.rows["_extra"].to_list()) == (
        [None] * 3,
        [None] * 3,
    )
    assert read.files[0].findings == []
