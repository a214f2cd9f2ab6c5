"""The day on which a budget's money runs out, of hand-written files."""

from datetime import date
from pathlib import Path

import duckdb

from analytics_pipeline_tests.support.hand_written import (
    Files,
    aws_cost,
    azure_cost,
    budgets,
    days,
    parts,
)
from analytics_pipeline_tests.support.model_warehouse import (
    broken,
    build_all,
    found,
    land,
    load,
)

OCT_1 = date(2026, 10, 1)


def status(connection: duckdb.DuckDBPyConnection, folder: Path, files: Files) -> dict[str, object]:
    """Return the row of the only budget."""
    load(connection, land(folder, files | parts((5, 7), (5, 8))))
    build_all(connection)
    assert broken(connection) == []
    (row,) = found(connection, "FROM marts.budget_status")
    return row


def test_days_whose_spend_is_known_in_part_are_not_expected_again(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """AWS costs 10 a day up to the 20th; the files of Azure end on the 14th."""
    feed = days(date(2026, 9, 30), date(2026, 10, 20))
    aws = {day: [(1, 7, 10 * n)] for n, day in enumerate(feed)}
    azure = {day: [(1, 7, 0)] for day in days(OCT_1, date(2026, 10, 14))}
    budget = budgets("course,5,October,2026-10-01,2026-10-31,250,USD,,,none")
    row = status(warehouse, tmp_path, aws_cost(aws) | azure_cost(azure) | budget)
    assert (row["as_of"], row["spent"]) == (date(2026, 10, 14), 200)
    assert (row["exhausted_on"], row["is_exhausted_by_forecast"]) == (date(2026, 10, 25), True)


def test_a_budget_that_a_credit_has_refilled_is_not_exhausted(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """100 are spent by the 5th, and 1 a day from then on; a credit of 60 follows on the 6th."""
    azure = {
        day: [(1, 7, min(20 * day.day, 100) + max(day.day - 5, 0)), (2, 8, -60)][: 1 + day.day // 6]
        for day in days(OCT_1, date(2026, 10, 8))
    }
    budget = budgets("course,5,October,2026-10-01,2026-10-10,95,USD,,,none")
    row = status(warehouse, tmp_path, azure_cost(azure) | budget)
    assert (row["spent"], row["alerts_reached"]) == (43, [])
    assert (row["exhausted_on"], row["is_exhausted_by_forecast"]) == (None, None)
