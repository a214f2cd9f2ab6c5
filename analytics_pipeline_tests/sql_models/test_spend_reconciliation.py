"""The two AWS reports, compared by month and account."""

from datetime import date
from decimal import Decimal

import pytest

from analytics_pipeline_tests.support.model_warehouse import aws, build_all, found, put
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
