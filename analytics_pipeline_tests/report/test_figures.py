"""The key figures: rounding, proportions, and the texts for missing data."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.report.figures import change, key_figures, percent, usd
from analytics_pipeline.report.read import read
from analytics_pipeline.report.scopes import PERIODS
from analytics_pipeline_tests.support.model_warehouse import aws, put, utc
from analytics_pipeline_tests.support.report_page import published_with


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
    [
        (0, 5, "0.0 %"),
        (1, 10_000, "under 0.1 %"),
        (9_999, 10_000, "over 99.9 %"),
        (1, 3, "33.3 %"),
        (3, 3, "100.0 %"),
    ],
)
def test_a_share_is_never_rounded_to_0_or_100_percent(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


def test_a_change_names_the_compared_days_or_reports_too_few() -> None:
    assert change(5, 0, 30) == "nothing in the 30 loaded days before"
    assert change(5, 0, 0) == "too few days are loaded to compare"
    assert change(110, 100, 30) == "+10.0 % on the 30 loaded days before"
    assert change(90, 100, 30) == "\N{MINUS SIGN}10.0 % on the 30 loaded days before"
    assert (
        change(5, 5, 22)
        == "newest 22 loaded days: \N{PLUS-MINUS SIGN}0.0 % on the 22 loaded days before"
    )


def constant_use(
    connection: duckdb.DuckDBPyConnection, days: int, missing: int | None = None
) -> None:
    """Two dollars and one session on each day up to 30 October; one file may be missing.

    The first holds an opening balance.
    """
    end = date(2026, 10, 30)
    delivered = [end - timedelta(days=n) for n in range(days) if n != missing][::-1]
    since = [(at - delivered[0]).days for at in delivered]
    put(
        connection,
        "raw.aws_cost",
        *(aws(at, 1_000 + 2 * n) for at, n in zip(delivered, since, strict=True)),
    )
    for at in delivered:
        start = utc(at.year, at.month, at.day, 9)
        lab = {"user_id": 1, "part_id": 7, "course_id": 5, "file_date": at, "start_time": start}
        put(connection, "raw.lab_sessions", lab | {"end_time": start + timedelta(hours=1)})
        for name in ("aws_cost", "lab_sessions"):
            put(
                connection,
                "ops.loaded_files",
                {"dataset": name, "partition": at.isoformat(), "period": at},
            )


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("missing", [None, 10])
def test_constant_use_shows_no_change_whatever_the_length_and_gaps_of_the_feed(
    tmp_path: Path, missing: int | None
) -> None:
    figures = key_figures(
        read(published_with(tmp_path, lambda connection: constant_use(connection, 45, missing)))
    )
    spend, sessions = (
        next(f for f in figures if f.title == title) for title in ("Spend", "Sessions")
    )
    assert spend.value == "$60.00", "the opening balance is no spend of the month"
    assert "\N{PLUS-MINUS SIGN}0.0 %" in spend.note and "\N{PLUS-MINUS SIGN}0.0 %" in sessions.note


@pytest.mark.thorough
def test_a_feed_of_one_day_has_nothing_to_compare(tmp_path: Path) -> None:
    figures = key_figures(
        read(published_with(tmp_path, lambda connection: constant_use(connection, 2)))
    )
    assert figures[0].note == "too few days are loaded to compare"


@pytest.mark.thorough
def test_the_day_after_a_session_is_not_in_the_headline_of_idle_spend(tmp_path: Path) -> None:
    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        days = [date(2026, 10, n) for n in range(1, 6)]
        put(connection, "raw.aws_cost", *(aws(at, n * 3) for n, at in enumerate(days)))
        start = {"start_time": utc(2026, 10, 2, 9), "end_time": utc(2026, 10, 2, 10)}
        put(
            connection,
            "raw.lab_sessions",
            {"user_id": 1, "part_id": 7, "course_id": 5, "file_date": days[1]} | start,
        )
        for name in ("aws_cost", "lab_sessions"):
            put(
                connection,
                "ops.loaded_files",
                *({"dataset": name, "partition": f"{d}", "period": d} for d in days),
            )

    published = published_with(tmp_path, fill)
    with duckdb.connect(str(published), read_only=True) as connection:
        rows = connection.execute(
            "SELECT spend_date, days_since_session FROM marts.idle_spend ORDER BY 1"
        ).fetchall()
    assert rows == [(date(2026, 10, 3), 1), (date(2026, 10, 4), 2), (date(2026, 10, 5), 3)]
    idle = key_figures(read(published))[1]
    assert (idle.value, idle.note) == ("$6.00", "50.0 % of it, from the second day after a session")


def test_nothing_loaded_is_not_zero(tmp_path: Path) -> None:
    data = read(published_with(tmp_path))
    assert not any(
        character.isdigit() for figure in key_figures(data) for character in figure.value
    )


def test_the_page_the_readme_and_the_summary_show_the_same_money(published: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (query,) = (
        sql
        for sql in re.findall(r"```sql\n(.*?)```", readme, re.DOTALL)
        if "marts.spend_days" in sql
    )
    with duckdb.connect(str(published), read_only=True) as connection:
        asked = sum(row[-1] for row in connection.execute(query).fetchall())
        opening, dated = connection.execute(
            """SELECT sum(opening_balance), sum(spend) - sum(opening_balance)
               FROM marts.course_summary"""
        ).fetchone() or (None, None)
        days = connection.execute(
            "SELECT sum(cost) FROM marts.spend_days WHERE dating <> 'before the first file'"
        ).fetchone()
    assert key_figures(read(published))[0].value == usd(asked)
    assert opening > 0 and days == (dated,)


def test_courses_have_figures_of_their_own_that_add_up(published: Path) -> None:
    data = read(published)
    for period in PERIODS:
        of_courses = [
            data.row("spend", course.choice, period).get("spend", 0) for course in data.courses
        ]
        assert sum(of_courses) == data.row("spend", "all", period).get("spend", 0)


@pytest.mark.thorough
def test_active_students_are_enrolled_students_with_a_successful_session(tmp_path: Path) -> None:
    """1 works in two courses, 2 dropped, 3 left, 4 only failed, 5 never came, 6 is staff."""

    def fill(connection: duckdb.DuckDBPyConnection) -> None:
        day = utc(2026, 10, 1)
        put(
            connection,
            "ops.loaded_files",
            {"dataset": "lab_sessions", "partition": "2026-10-01", "period": day},
        )
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
            session = {
                "user_id": user,
                "course_id": course,
                "part_id": course,
                "launch_time": day,
                "file_date": day,
            }
            put(connection, "raw.lab_sessions", {**session, **started})

    data = read(published_with(tmp_path, fill))
    figures = {course: key_figures(data, course)[2] for course in ("all", "5", "6")}
    assert {
        course: (figure.title, figure.value, figure.note) for course, figure in figures.items()
    } == {
        "all": ("Active students", "1", "of 3 enrolled; 1 more only failed to launch"),
        "5": ("Active students", "1", "of 3 enrolled; 1 more only failed to launch"),
        "6": ("Active students", "1", "of 1 enrolled"),
    }
    never_seen = {
        row["course"]: (row["never_seen"], row["failed_only"])
        for row in data.charts["course_totals"]
    }
    assert never_seen == {"5": (2, 1), "6": (0, 0)}
