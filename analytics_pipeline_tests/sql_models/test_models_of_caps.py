"""Students and the caps of several budgets, of hand-written files."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline_tests.support.hand_written import (
    aws_cost,
    budgets,
    days,
    enrollment,
    parts,
)
from analytics_pipeline_tests.support.model_warehouse import broken, build_all, land, load

Connection = duckdb.DuckDBPyConnection
OCT_1, OCT_15, OCT_31 = date(2026, 10, 1), date(2026, 10, 15), date(2026, 10, 31)


def watched(
    connection: Connection, folder: Path, spent: Mapping[date, int], *lines: str
) -> list[tuple[object, ...]]:
    """Return October's rows of a student who had spent so much by each day, under these budgets."""
    accumulated = {day: [(1, 7, cost)] for day, cost in spent.items()}
    files = aws_cost(accumulated) | enrollment(5, (1, "student")) | parts((5, 7))
    load(connection, land(folder, files | budgets(*lines)))
    build_all(connection)
    assert broken(connection) == []
    return connection.execute(
        """SELECT cap_budget, cap, spend_under_cap, is_over_cap FROM marts.student_spend_watch
           WHERE month = '2026-10-01'"""
    ).fetchall()


EARLY = "course,5,Early,2026-09-01,2026-10-15,500,USD,,25,none"
LATE = "course,5,Late,2026-10-16,2026-12-18,500,USD,,40,none"


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("per_day_early", "per_day_late", "row"),
    [
        (1, 6, ("Late", 40, 96, True)),
        (2, 1, ("Early", 25, 28, True)),
        (1, 1, ("Late", 40, 16, False)),
    ],
)
def test_a_student_over_either_cap_of_a_month_is_over_the_cap(
    warehouse: Connection,
    tmp_path: Path,
    per_day_early: int,
    per_day_late: int,
    row: tuple[object, ...],
) -> None:
    """Two budgets of the course meet on the 15th of October."""
    spent = {
        day: per_day_early * (min(day.day, 15) - 1) + per_day_late * max(day.day - 15, 0)
        for day in days(OCT_1, OCT_31)
    }
    assert watched(warehouse, tmp_path, spent, EARLY, LATE) == [row]


def test_a_cap_applies_once_its_period_has_begun(warehouse: Connection, tmp_path: Path) -> None:
    spent = {day: day.day - 1 for day in days(OCT_1, OCT_15)}
    rows = watched(warehouse, tmp_path, spent, EARLY, LATE)
    assert rows == [("Early", 25, 14, False)]


def test_of_two_caps_for_the_same_days_the_lower_one_is_listed(
    warehouse: Connection, tmp_path: Path
) -> None:
    spent = {day: day.day - 1 for day in days(OCT_1, OCT_15)}
    longer = "course,5,Longer,2026-09-01,2026-12-31,500,USD,,30,none"
    wider = "organisation,,Wider,2026-09-01,2026-12-31,500,USD,,5,none"
    rows = watched(warehouse, tmp_path, spent, EARLY, longer, wider)
    assert rows == [("Early", 25, 14, False)], "the narrowest scope, then the lowest cap"
