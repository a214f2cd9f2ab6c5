"""Forecasts of courses whose labels declare an end, of hand-written files."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.hand_written import (
    aws_cost,
    budgets,
    course_labels,
    courses,
    days,
    parts,
)
from analytics_pipeline_tests.support.model_warehouse import broken, build_all, land, load

Connection = duckdb.DuckDBPyConnection
GONE, ENDING, OPEN = 4, 5, 6
"""Courses: one ended in September, one ends on the 20th of October, one has no declared end."""


@pytest.fixture(scope="module")
def fed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Six weeks of AWS: 100 a day in GONE while it lasts, 10 in ENDING, and 1 in OPEN."""
    first = date(2026, 8, 31)
    spent = {
        day: [
            (1, GONE, 100 * (min(day, date(2026, 9, 27)) - first).days),
            (2, ENDING, 10 * (day - first).days),
            (3, OPEN, (day - first).days),
        ]
        for day in days(first, date(2026, 10, 14))
    }
    files = (
        aws_cost(spent)
        | parts((GONE, GONE), (ENDING, ENDING), (OPEN, OPEN))
        | courses((GONE, "Gone", None), (ENDING, "Ending", None), (OPEN, "Open", ENDING))
        | course_labels(
            f"{GONE},CS,summer,2026-08-31,2026-09-27", f"{ENDING},CS,fall,2026-08-31,2026-10-20"
        )
        | budgets(
            *(
                f"organisation,,{amount} USD,2026-10-01,2026-10-31,{amount},USD,,,none"
                for amount in (220, 225, 231, 232)
            ),
            "course,5,Ending,2026-10-01,2026-10-31,201,USD,,,none",
            "root_course,5,Family,2026-10-01,2026-10-17,1000,USD,,,none",
        )
    )
    folder = tmp_path_factory.mktemp("ended")
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        load(connection, land(folder, files))
        build_all(connection)
        assert broken(connection) == []
        yield connection


def test_nothing_is_expected_of_a_course_after_its_declared_end(
    fed: Connection,
) -> None:
    rows = fed.execute(
        "SELECT scope, scope_id, horizon, expected FROM marts.spend_forecast"
    ).fetchall()
    by_month = {row[:2]: row[3] for row in rows if row[2] == "month end"}
    assert by_month == {
        ("course", str(GONE)): 0,
        ("course", str(ENDING)): 60,
        ("course", str(OPEN)): 17,
        ("root_course", str(GONE)): 0,
        ("root_course", str(ENDING)): 77,
        ("department", "CS"): 60,
        ("term", "fall"): 60,
        ("term", "summer"): 0,
        ("organisation", "organisation"): 77,
    }
    assert {row[:2]: row[3] for row in rows if row[2] == "term end"} == {
        ("course", str(ENDING)): 60,
        ("root_course", str(ENDING)): 66,
        ("department", "CS"): 60,
        ("term", "fall"): 60,
        ("organisation", "organisation"): 66,
    }


def test_a_budget_lasts_longer_once_a_course_has_ended(fed: Connection) -> None:
    rows = fed.execute(
        "SELECT budget, spent, forecast, state, exhausted_on FROM marts.budget_status ORDER BY 1"
    ).fetchall()
    assert rows == [
        ("220 USD", 154, 231, "forecast over", date(2026, 10, 20)),
        ("225 USD", 154, 231, "forecast over", date(2026, 10, 25)),
        ("231 USD", 154, 231, "ok", date(2026, 10, 31)),
        ("232 USD", 154, 231, "ok", None),
        ("Ending", 140, 200, "ok", None),
        ("Family", 154, 187, "ok", None),
    ]


def test_a_declared_end_is_no_error_of_the_method(fed: Connection) -> None:
    """The band would be wide if past forecasts had gone on past the end in September."""
    row = fed.execute(
        "SELECT origins, error_percent, forecast_low, forecast_high FROM marts.spend_forecast"
        " WHERE scope = 'organisation' AND horizon = 'month end'"
    ).fetchone()
    assert row is not None
    assert row[0] >= 8
    assert row[1:] == (0, Decimal(231), Decimal(231))
