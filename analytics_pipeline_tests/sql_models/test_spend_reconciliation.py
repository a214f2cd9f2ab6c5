"""The two AWS reports, compared by month and account."""

from datetime import date
from decimal import Decimal

import pytest

from analytics_pipeline.sql_models import run_test
from analytics_pipeline_tests.support.model_warehouse import PROJECT, aws, build_all, found, put
from analytics_pipeline_tests.support.spend_rows import Connection, day


def test_the_reports_are_compared_by_month_and_account(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(30), 1),
        aws(day(2, 11), 4),
        aws(day(3, 11), 5),
        aws(day(3, 11), 2, account="9"),
    )
    spent = {"user_id": 1, "part_id": 7, "service": "EC2", "file_month": day(1, 11)}
    put(warehouse, "raw.service_spend", {**spent, "aws_account_id": "0012", "cost": "4.5"})
    build_all(warehouse)
    columns = "service_total, account_increase, difference, carried_in"
    rows = found(
        warehouse,
        f"SELECT {columns} FROM marts.spend_reconciliation ORDER BY month, aws_account_id",
    )
    assert [tuple(row.values()) for row in rows] == [
        (None, Decimal(1), None, Decimal(0)),  # October has no service file: not known, and not 0
        (
            Decimal("4.5"),
            Decimal(4),
            Decimal("0.5"),
            Decimal(3),
        ),  # 3 were spent from 31 October to 2 November
        (Decimal(0), Decimal(2), Decimal(-2), Decimal(0)),
    ]


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("before", "after", "carried_in"),
    [(day(30), day(1, 11), 2), (day(31), day(1, 11), 0), (day(31), day(2, 11), 0)],
    ids=["31 October and 1 November", "1 November", "1 and 2 November"],
)
def test_spend_is_carried_in_only_if_it_covers_a_day_before_the_month(
    warehouse: Connection, before: date, after: date, carried_in: int
) -> None:
    put(warehouse, "raw.aws_cost", aws(before, 1), aws(after, 3))
    build_all(warehouse)
    november = "SELECT carried_in FROM marts.spend_reconciliation WHERE month = DATE '2026-11-01'"
    assert warehouse.execute(november).fetchall() == [(carried_in,)]


LOADED = ((30, 9), (31, 10), (3, 11))
"""The days whose files are loaded: the edges of October, and one that tells that it is closed."""


def _is_warned(warehouse: Connection, by_service: str, without: tuple[int, int] | None) -> bool:
    """Return whether October's 200 USD of aws_cost are told to differ from service_spend's."""
    days = [day(*each) for each in LOADED if each != without]
    put(warehouse, "raw.aws_cost", *(aws(each, 50) for each in days), aws(day(31), 200, part=8))
    ledger = [{"dataset": "aws_cost", "partition": str(each), "period": each} for each in days]
    put(warehouse, "ops.loaded_files", *ledger)
    october = {"user_id": 1, "part_id": 8, "service": "EC2", "file_month": day(1)}
    put(warehouse, "raw.service_spend", {**october, "aws_account_id": "0012", "cost": by_service})
    build_all(warehouse)
    tested = run_test(warehouse, PROJECT.tests["the_two_aws_reports_agree"])
    assert tested.failure is None
    return tested.violations == 1


@pytest.mark.first_forms(3)
@pytest.mark.parametrize(
    ("by_service", "without", "is_warned"),
    [
        ("202", None, False),
        ("202.03", None, True),
        ("197.9", None, True),
        ("197.9", (30, 9), False),
        ("197.9", (31, 10), False),
        ("197.9", (3, 11), False),
    ],
    ids=[
        "1 % more",
        "a little above 1 %",
        "less",
        "the day before the month is not loaded",
        "the last day is not loaded",
        "the month may be open",
    ],
)
def test_a_closed_month_on_which_the_reports_differ_is_a_warning(
    warehouse: Connection, by_service: str, without: tuple[int, int] | None, is_warned: bool
) -> None:
    assert _is_warned(warehouse, by_service, without) is is_warned
