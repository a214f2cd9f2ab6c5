"""Bills that are older than the costs, or rounded, and accounts that are purged: what counts as
evidence for a restart on a first of the month.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from analytics_pipeline_tests.support.model_warehouse import aws, put, utc
from analytics_pipeline_tests.support.spend_rows import SERVICE, Connection, day, spend

NOV, DEC = 11, 12
OCTOBER = {day(29): 290, day(30): 300, day(31): 310}
USERS = (1, 2, 3, 4)


def deliver(
    warehouse: Connection,
    values: Mapping[date, object],
    billed: object = None,
    users: tuple[int, ...] = USERS,
) -> None:
    """Put the accumulated values of each user, and each user's bill of November."""
    for user in users:
        put(warehouse, "raw.aws_cost", *(aws(at, cost, user=user) for at, cost in values.items()))
        if billed is not None:
            bill = {"file_month": day(1, NOV), "user_id": user, "cost": billed}
            put(warehouse, "raw.service_spend", SERVICE | {"course_id": 5} | bill)


def falls(warehouse: Connection, columns: str) -> list[tuple[object, ...]]:
    """Build all models, and return the values that fell, in the order of these columns."""
    spend(warehouse)
    return warehouse.execute(
        f"SELECT {columns} FROM marts.daily_cloud_spend WHERE fall IS NOT NULL ORDER BY ALL"
    ).fetchall()


@pytest.mark.parametrize(
    ("november", "billed"),
    [
        ({day(1, NOV): 10, day(2, NOV): 20}, 10),
        ({day(n, NOV): 10 * n for n in range(1, 6)}, 40),
        ({day(1, NOV): "0.01", day(2, NOV): 30, day(3, NOV): 60}, "59.99"),
        ({day(1, NOV): "0.000003", day(30, NOV): 30, day(4, DEC): 3}, "29.999997"),
    ],
    ids=["a day older", "a day older, on the fifth", "lacks the first hour", "rounded, month over"],
)
def test_an_older_or_rounded_bill_does_not_undo_a_restart_of_the_whole_feed(
    warehouse: Connection, november: Mapping[date, object], billed: object
) -> None:
    deliver(warehouse, OCTOBER | november, billed)
    readings = falls(warehouse, "user_id, fall, fall_evidence, month(spend_date)")
    assert [row for row in readings if row[-1] == NOV] == [
        (user, "restart", "first of the month", NOV) for user in USERS
    ]
    of_month = "SELECT sum(cost) FROM marts.daily_cloud_spend WHERE month(spend_date) = ?"
    last = [Decimal(str(value)) for at, value in november.items() if at.month == NOV][-1]
    assert warehouse.execute(of_month, [10]).fetchall() == [(Decimal(310 * 4),)]
    assert warehouse.execute(of_month, [NOV]).fetchall() == [(last * 4,)]


@pytest.mark.parametrize(
    ("files_until", "fall"), [(day(3, DEC), "correction"), (day(2, DEC), "restart")], ids=str
)
def test_the_bill_of_a_month_counts_against_a_restart_once_its_files_are_over(
    warehouse: Connection, files_until: date, fall: str
) -> None:
    """One user's value falls to less than half; the bill lacks what the value of the first has."""
    values = OCTOBER | {day(1, NOV): 40, day(30, NOV): 200, files_until: 200}
    deliver(warehouse, values, 160, users=(1,))
    evidence = "service_spend" if fall == "correction" else None
    assert falls(warehouse, "fall, fall_evidence") == [(fall, evidence)]


def test_a_bill_that_no_restart_explains_counts_while_the_month_is_open(
    warehouse: Connection,
) -> None:
    deliver(warehouse, OCTOBER | {day(1, NOV): 40, day(4, NOV): 70}, 30, users=(1,))
    assert falls(warehouse, "fall, fall_evidence") == [("correction", "service_spend")]


def test_a_purge_of_accounts_on_a_first_restarts_nobody_else(warehouse: Connection) -> None:
    purged = {"deactivation_date": utc(2026, 10, 31, 12)}
    for user, before, after in ((1, 50, 0), (2, 60, 0), (3, 70, 0)):
        put(warehouse, "raw.aws_cost", aws(day(31), before, user=user) | purged)
        put(warehouse, "raw.aws_cost", aws(day(1, NOV), after, user=user) | purged)
    for user in (4, 5):
        put(warehouse, "raw.aws_cost", aws(day(31), 10, user=user))
        put(warehouse, "raw.aws_cost", aws(day(1, NOV), "9.9", user=user))
    assert falls(warehouse, "user_id, fall, fall_evidence") == [
        *((user, "restart", "deactivation") for user in (1, 2, 3)),
        *((user, "correction", None) for user in (4, 5)),
    ]


def test_series_without_money_do_not_hide_a_restart_of_the_feed(warehouse: Connection) -> None:
    deliver(warehouse, OCTOBER | {day(1, NOV): 5}, users=(1, 2, 3))
    deliver(warehouse, {day(31): 10, day(1, NOV): 6, day(2, NOV): 12}, users=(4,))
    deliver(warehouse, {day(31): 0, day(1, NOV): 0}, users=(5, 6, 7, 8, 9))
    assert falls(warehouse, "user_id, cost, fall_evidence") == [
        *((user, Decimal(5), "first of the month") for user in (1, 2, 3)),
        (4, Decimal(6), "first of the month"),
    ]
