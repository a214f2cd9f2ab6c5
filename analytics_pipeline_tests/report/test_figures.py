"""The key figures: rounding, proportions and what is said where there is nothing."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.report.figures import change, key_figures, percent, usd
from analytics_pipeline.report.read import Data, Span, read


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0.00"),
        ("0.004999", "under $0.01"),
        ("0.005", "$0.01"),
        ("1.005", "$1.01"),
        ("1234567.894999999", "$1,234,567.89"),
    ],
)
def test_money_is_rounded_once_half_a_cent_up(amount: str, words: str) -> None:
    assert usd(Decimal(amount)) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 5, "0.0 %"), (1, 10_000, "under 0.1 %"), (9_999, 10_000, "over 99.9 %"), (1, 3, "33.3 %"), (3, 3, "100.0 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


def test_a_change_from_nothing_has_no_percentage() -> None:
    assert change(5, 0) == change(5, None) == "nothing in the 30 days before"
    assert change(110, 100) == "+10.0 % on the 30 days before"
    assert change(90, 100).endswith("10.0 % on the 30 days before")


def test_nothing_loaded_is_not_zero() -> None:
    data = Data(
        published_at=datetime(2026, 1, 1),  # noqa: DTZ001
        span=Span(None, None, None, None, False),
        courses=[],
        freshness=[],
        figures={
            "spend": [],
            "idle": [],
            "sessions": [],
            "students": [],
            "completeness": [{"periods": 0, "loaded": 0, "failed": 0}],
        },
        charts={},
    )
    assert not any(character.isdigit() for figure in key_figures(data) for character in figure.value)


def test_the_spend_of_thirty_days_is_that_of_the_mart(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        (total,) = connection.execute(
            """SELECT sum(cost) FROM marts.daily_cloud_spend
               WHERE spend_date > (SELECT max(spend_date) - 30 FROM marts.daily_cloud_spend)"""
        ).fetchone() or (None,)
    spend = key_figures(read(published))[0]
    assert spend.title == "Spend"
    # Days at the window's edge that were not delivered are spread over both sides of it.
    assert float(spend.value.strip("$").replace(",", "")) == pytest.approx(float(total), rel=0.1)


def test_courses_have_figures_of_their_own_that_add_up(published: Path) -> None:
    data = read(published)
    of_courses = [row["spend"] for row in data.figures["spend"] if row["course"] != "all" and row["spend"]]
    (total,) = (row["spend"] for row in data.figures["spend"] if row["course"] == "all")
    assert sum(of_courses) == total
