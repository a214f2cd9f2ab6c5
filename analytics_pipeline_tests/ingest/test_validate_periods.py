"""Rules about whole rows that compare a row with the period of its file."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from pandera.api.polars.types import PolarsData

from analytics_pipeline.datasets import FEED
from analytics_pipeline.ingest.batch import LandedFile
from analytics_pipeline.ingest.read_batch import read_batch
from analytics_pipeline.ingest.remedies import remedy
from analytics_pipeline_tests.ingest.test_validate import SOUND, file_of, with_cells
from analytics_pipeline_tests.support.deliveries import batch, delivery, reasons

RULE = "the month must not begin more than a day after the file's day"


def azure_of(folder: Path, *listed: tuple[str, int, int]) -> list[bool]:
    """Return whether the row of each file loads: the file's day, the row's year and month."""
    landed = []
    for at, (day, year, month) in enumerate(listed):
        row = with_cells("azure_cost", {"year": str(year), "month": str(month)})
        body = file_of("azure_cost", row).encode()
        (path := folder / f"{at}.csv").write_bytes(body)
        key = f"cloud_spend/azure/azure_cost_{day}.csv"
        landed.append(LandedFile(delivery(key, body), path))
    read = read_batch(FEED["azure_cost"], landed)
    assert {reason[1:] for reason in reasons(read)} <= {("*", RULE)}
    assert not any(file.failure or file.warnings for file in read.files)
    return [file.rows == 1 for file in read.files]


def test_a_number_that_is_no_month_breaks_one_rule(tmp_path: Path):
    row = with_cells("azure_cost", {"year": "2026", "month": "13"})
    read = batch(tmp_path, "azure_cost", file_of("azure_cost", row))
    assert [reason[1:] for reason in reasons(read)] == [("month", "it must be from 1 to 12")]


@pytest.mark.parametrize(
    ("day", "year", "month", "loads"),
    [
        ("2026-11-28", 2026, 11, True),
        ("2026-11-28", 2026, 12, False),
        ("2026-11-29", 2026, 12, False),
        ("2026-11-30", 2026, 12, True),  # the day of tolerance
        ("2026-11-30", 2027, 1, False),
        ("2026-12-01", 2026, 12, True),
        ("2026-12-30", 2027, 1, False),
        ("2026-12-31", 2027, 1, True),
        ("2026-12-31", 2027, 2, False),
        ("2027-01-01", 2027, 1, True),
        ("2027-01-01", 2026, 12, True),
        ("2028-02-28", 2028, 3, False),  # a leap year
        ("2028-02-29", 2028, 3, True),
        ("2026-11-28", 2062, 11, False),
        ("2026-11-28", 2062, 1, False),
        ("2026-11-28", 2026, 10, True),
        ("2026-11-28", 2025, 12, True),
        ("2026-11-28", 2000, 1, True),
    ],
)
def test_azure_spend_of_a_month_that_begins_over_a_day_after_its_file_is_rejected(
    tmp_path: Path, day: str, year: int, month: int, loads: bool
):
    assert azure_of(tmp_path, (day, year, month)) == [loads]


def test_each_row_is_held_to_the_day_of_its_own_file(tmp_path: Path):
    december = [(f"2026-11-{day}", 2026, 12) for day in (30, 28, 29)]
    later = [("2026-12-05", 2026, 12), ("2026-01-09", 2026, 12)]
    assert azure_of(tmp_path, *december, *later) == [True, False, False, True, False]


def test_only_the_row_of_the_year_2062_is_missing_from_its_file(tmp_path: Path):
    wrong = with_cells("azure_cost", {"user_id": "5", "year": "2062"})
    read = batch(tmp_path, "azure_cost", file_of("azure_cost", SOUND["azure_cost"], wrong))
    assert read.rows["user_id"].to_list() == [1731001]
    assert [(line, column) for line, column, _ in reasons(read)] == [(3, "*")]
    assert "file_date" not in read.rows.columns, "the warehouse adds it"


def test_the_remedy_of_a_month_ahead_is_that_of_a_row_in_quarantine():
    said = remedy("azure_cost", RULE, is_error=True)
    assert "ask Vocareum for the file again" in said
    assert "quarantine replay --dataset azure_cost" in said
    assert "loaded" not in said


def test_a_rule_about_whole_rows_sees_the_month_of_a_monthly_file(tmp_path: Path):
    seen = []

    class Model(FEED["service_spend"].model):
        @pa.dataframe_check
        def of_its_month(cls, data: PolarsData) -> pl.LazyFrame:
            seen.extend(data.lazyframe.collect()["file_month"])
            return data.lazyframe.select(pl.col("file_month").is_not_null())

    path = tmp_path / "0.csv"
    path.write_text(file_of("service_spend", SOUND["service_spend"]))
    landed = LandedFile(delivery("service_spend/service_spend_2026-01.csv"), path)
    read = read_batch(replace(FEED["service_spend"], model=Model), [landed])
    assert (seen, read.files[0].rows) == ([date(2026, 1, 1)], 1)
