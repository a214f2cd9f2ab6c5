"""The key figures: rounding, proportions and what is said where there is nothing."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.report.figures import change, key_figures, percent, usd
from analytics_pipeline.report.read import Data, Span, read
from analytics_pipeline_tests.report.reported import published_with
from analytics_pipeline_tests.sql_models.modelled import put, utc


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
        withheld=[],
        failing=[],
        silent=None,
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


def test_active_students_are_enrolled_ones_whose_session_succeeded(tmp_path: Path) -> None:
    """1 works in two courses, 2 dropped, 3 left, 4 only failed, 5 never came, 6 is staff."""

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        day = utc(2026, 10, 1)
        put(connection, "ops.loaded_files", {"dataset": "lab_sessions", "partition": "2026-10-01", "period": day})
        for user, course in ((1, 5), (1, 6), (2, 5), (4, 5), (5, 5), (6, 5)):
            member = {
                "userid": user,
                "courseid": course,
                "role": "ta" if user == 6 else "student",
                "dropped": user == 2,
            }
            put(connection, "raw.enrollment", member)
        left = {"userid": 3, "courseid": 5, "role": "student", "valid_from": day, "valid_to": day}
        put(connection, "history.enrollment", left)
        for user, course in ((1, 5), (1, 6), (2, 5), (3, 5), (4, 5), (6, 5)):
            started = {} if user == 4 else {"start_time": day}
            session = {"user_id": user, "course_id": course, "part_id": course, "launch_time": day, "file_date": day}
            put(connection, "raw.lab_sessions", {**session, **started})

    data = read(published_with(tmp_path, fill))
    figures = {course: key_figures(data, course)[2] for course in ("all", "5", "6")}
    assert {course: (figure.title, figure.value, figure.note) for course, figure in figures.items()} == {
        "all": ("Active students", "1", "of 3 enrolled; 1 more only failed to launch"),
        "5": ("Active students", "1", "of 3 enrolled; 1 more only failed to launch"),
        "6": ("Active students", "1", "of 1 enrolled"),
    }
    never_seen = {row["course"]: (row["never_seen"], row["failed_only"]) for row in data.charts["course_totals"]}
    assert never_seen == {"5": (2, 1), "6": (0, 0)}
