"""Accumulated values that fall: restarts, corrections and dips, on hand-written rows."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.model_warehouse import PROJECT, aws, put, utc
from analytics_pipeline_tests.support.spend_rows import (
    SERVICE,
    Connection,
    day,
    load_aws_files,
    spend,
)


def readings(
    connection: Connection, *costs: object, start: date = date(2026, 10, 5)
) -> list[tuple[object, ...]]:
    """Return the reading of one series, a day apart: cost, days covered, and the reading of a
    fall.
    """
    put(
        connection,
        "raw.aws_cost",
        *(aws(start + timedelta(days=n), cost) for n, cost in enumerate(costs)),
    )
    return spend(connection, "cost, days_covered, fall")


SERIES: Sequence[tuple[Sequence[str], str, Sequence[str]]] = [
    (["100", "110", "109.99", "120"], "120", ["dip"]),
    (["100", "0", "100.5"], "100.5", ["dip"]),
    (["100", "0", "100"], "100", ["dip"]),
    (["100", "110", "3", "5"], "115", ["restart"]),
    (["100", "110", "109.99", "109.995"], "109.995", ["correction"]),
    (["100", "50"], "50", ["correction"]),
    (["100", "49.999999999"], "149.999999999", ["restart"]),
    (["100", "110", "60", "55", "58"], "58", ["correction", "correction"]),
    (["100", "110", "60", "55", "70"], "70", ["correction", "dip"]),
    (["100", "3", "90", "2", "4"], "194", ["restart", "restart"]),
    (["100", "0", "100.5", "40", "41"], "141.5", ["dip", "restart"]),
    (["100", "99", "101", "100", "102"], "102", ["dip", "dip"]),
    (["100", "60", "-5", "3"], "3", ["correction", "correction"]),
    (["0", "10", "30", "-5", "-4"], "-4", ["correction"]),
    (["30", "-5", "31"], "31", ["dip"]),
    (["-5", "-10", "-8"], "-8", ["correction"]),
    (["0", "-4", "-1"], "-1", ["correction"]),
]
"""Accumulated values a day apart, their total, and the reading of each fall."""


def test_a_value_that_falls_is_a_restart_a_correction_or_a_dip(warehouse: Connection) -> None:
    """Each series is another user's, so that one build reads all."""
    put(
        warehouse,
        "raw.aws_cost",
        *(
            aws(day(5 + n), cost, user)
            for user, (costs, _, _) in enumerate(SERIES)
            for n, cost in enumerate(costs)
        ),
    )
    rows = spend(warehouse, "user_id, cost, fall")
    for user, (costs, total, falls) in enumerate(SERIES):
        read = [(cost, fall) for of, cost, fall in rows if of == user]
        assert [fall for _, fall in read if fall] == falls, costs
        assert sum(cost for cost, _ in read) == Decimal(total), costs


def test_a_correction_lowers_the_days_before_and_a_dip_is_passed_over(
    warehouse: Connection,
) -> None:
    assert readings(warehouse, 100, 110, 105, 106, 20, 107) == [
        (Decimal(100), 1, None),
        (Decimal(5), 1, None),
        (Decimal(0), 1, "correction"),
        (Decimal(1), 1, None),
        (Decimal(0), 1, "dip"),
        (Decimal(1), 2, None),  # the growth since the last counted value
    ]


def test_unexplained_falls_are_listed_with_the_dollars_at_stake(warehouse: Connection) -> None:
    readings(warehouse, 100, 110, "109.99", 120)
    guess = PROJECT.tests["falls_of_accumulated_cost_are_certain"]
    assert warehouse.execute(guess.sql).fetchall() == [(day(7), "0012", 1, 7, "dip", Decimal(110))]


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("files", "total", "falls"),
    [
        (["0", "10", "20", "30", "30 -20", "31 -20"], 11, ["correction"]),
        (["10", "30", "30 -20", "60 -20", "60 -50", "61 -50"], 11, ["dip", "correction"]),
        (["30", "25 -20", "26 -20"], 6, ["correction"]),
        (["30", "-20", "31 -20"], 11, ["correction"]),  # a file without the charge
        (["30 -20", "8", "9"], 9, ["correction"]),  # the sum does not fall below half
        (["30 -5", "3 -1", "4 -1"], 28, ["restart"]),
        (["30 -20", "-5", "12 -20"], -8, ["correction", "correction"]),
    ],
    ids=str,
)
def test_a_refund_of_over_half_is_no_restart_while_the_charge_stays(
    warehouse: Connection, tmp_path: Path, files: Sequence[str], total: int, falls: Sequence[str]
) -> None:
    """Each file lists the account's amounts, parted by a blank: a charge, and perhaps a refund."""
    load_aws_files(warehouse, tmp_path, *(amounts.split() for amounts in files))
    rows = [row[1:] for row in spend(warehouse, "user_id, cost, fall") if row[0] == 1]
    assert sum(cost for cost, _ in rows) == total
    assert [fall for _, fall in rows if fall] == falls


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("billed", "fall", "evidence"),
    [
        (16, "restart", "service_spend"),  # 10 before the fall and 6 since
        (6, "dip", "service_spend"),
        (11, "dip", None),  # between both readings: no evidence
    ],
)
def test_the_bill_of_the_month_decides_on_a_fall(
    warehouse: Connection, billed: int, fall: str, evidence: str | None
) -> None:
    # so that the series is not in the feed's first file
    put(warehouse, "raw.aws_cost", aws(day(1), 1, user=9))
    put(warehouse, "raw.aws_cost", aws(day(3), 10), aws(day(4), 4), aws(day(5), 16))
    put(
        warehouse,
        "raw.service_spend",
        SERVICE | {"course_id": 5, "cost": {16: 26, 6: 16, 11: 21}[billed]},
    )
    rows = spend(warehouse, "user_id, spend_date, cost, fall, fall_evidence")
    assert [row[3:] for row in rows if row[3]] == [(fall, evidence)]
    assert sum(row[2] for row in rows if row[0] == 1) == (26 if fall == "restart" else 16)


def test_a_feed_that_restarts_each_month_is_seen_in_its_other_series(warehouse: Connection) -> None:
    for user, (october, november) in enumerate([(10, 1), (20, 2), (30, 3), (4, 3)], 1):
        put(
            warehouse,
            "raw.aws_cost",
            aws(day(31), october, user=user),
            aws(day(1, 11), november, user=user),
        )
    rows = spend(warehouse, "spend_date, user_id, cost, fall, fall_evidence")[4:]
    assert rows[3] == (
        day(1, 11),
        4,
        Decimal(3),
        "restart",
        "first of the month",
    ), "4 to 3 alone would be a correction"
    assert {row[3:] for row in rows} == {("restart", "first of the month")}


def test_a_feed_that_restarts_monthly_spends_nothing_new_in_the_missing_days_of_the_month_before(
    warehouse: Connection,
) -> None:
    """The files of the 30th and 31st of October and the first of November are missing."""
    for user in (1, 2, 3, 4):
        values = {28: 20, 29: 21, 33: 6, 34: 9}  # the 33rd is the second of November
        put(
            warehouse,
            "raw.aws_cost",
            *(aws(day(1) + timedelta(days=n - 1), cost, user=user) for n, cost in values.items()),
        )
    rows = spend(warehouse, "spend_date, cost, days_covered, fall_evidence")
    assert set(rows) == {
        (day(28), Decimal(20), 1, None),
        (day(29), Decimal(1), 1, None),
        (day(2, 11), Decimal(6), 2, "first of the month"),
        (day(3, 11), Decimal(3), 1, None),
    }
    (november,) = warehouse.execute(
        "SELECT sum(cost) FROM marts.spend_days WHERE month(day) = 11"
    ).fetchall()
    assert november == (Decimal(36),)


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("billed", "left", "covers", "evidence"),
    [(6, False, 2, "service_spend"), (None, False, 4, None), (None, True, 4, "deactivation")],
    ids=str,
)
def test_a_restart_covers_days_of_the_month_before_unless_the_bill_shows_it(
    warehouse: Connection, billed: int | None, left: bool, covers: int, evidence: str | None
) -> None:
    leaving = {"deactivation_date": utc(2026, 10, 30, 12)} if left else {}
    put(warehouse, "raw.aws_cost", aws(day(28), 20), aws(day(29), 21))
    put(warehouse, "raw.aws_cost", aws(day(2, 11), 6) | leaving)
    if billed is not None:
        bill = SERVICE | {"file_month": day(1, 11), "course_id": 5, "cost": billed}
        put(warehouse, "raw.service_spend", bill)
    rows = spend(warehouse, "cost, days_covered, fall, fall_evidence")
    assert rows[2:] == [(Decimal(6), covers, "restart", evidence)]


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("billed", "cost", "fall"),
    [(7, 7, "restart"), (2, 2, None), (4, 2, None), (None, 2, None)],
    ids=str,
)
def test_a_value_that_does_not_fall_when_the_feed_restarts_is_new_if_the_bill_says_so(
    warehouse: Connection, billed: int | None, cost: int, fall: str | None
) -> None:
    """Account 1 goes from 5 to 7 over the first of November, on which the others begin anew."""
    for user, (october, november) in enumerate([(5, 7), (20, 2), (30, 3), (40, 4)], 1):
        put(
            warehouse,
            "raw.aws_cost",
            aws(day(31), october, user=user),
            aws(day(1, 11), november, user=user),
        )
    if billed is not None:
        put(
            warehouse,
            "raw.service_spend",
            SERVICE | {"file_month": day(1, 11), "course_id": 5, "cost": billed},
        )
    rows = spend(warehouse, "user_id, spend_date, cost, fall, fall_evidence, is_reset")
    evidence = fall and "service_spend"
    assert [row[2:] for row in rows if row[:2] == (1, day(1, 11))] == [
        (Decimal(cost), fall, evidence, fall is not None)
    ]


def test_one_bad_file_on_the_first_of_a_month_does_not_restart_the_feed(
    warehouse: Connection,
) -> None:
    for user in (1, 2, 3, 4):
        days = (day(31), day(1, 11), day(2, 11))
        put(
            warehouse,
            "raw.aws_cost",
            *(aws(at, cost, user=user) for at, cost in zip(days, (10, 0, 11), strict=True)),
        )
    assert sum(row[0] for row in spend(warehouse, "cost")) == 44


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("value", "cost", "fall", "evidence"),
    [(4, 4, "restart", "deactivation"), (5, 0, "correction", None), (6, 0, "correction", None)],
    ids=str,
)
def test_after_its_account_was_deactivated_a_value_that_falls_below_half_is_a_restart(
    warehouse: Connection, value: int, cost: int, fall: str, evidence: str | None
) -> None:
    left = {"deactivation_date": utc(2026, 10, 2, 12)}
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), 10),
        aws(day(2), 10) | left,
        aws(day(3), value) | left,
    )
    assert spend(warehouse, "cost, fall, fall_evidence")[2] == (Decimal(cost), fall, evidence)


def test_a_small_correction_of_a_deactivated_account_does_not_double_its_spend(
    warehouse: Connection, tmp_path: Path
) -> None:
    """The final bill is known at the deactivation. Its reading is a guess, so it is listed."""
    load_aws_files(warehouse, tmp_path, ["90"], ["100"], ["99.50"], ["99.50"], left=(3, 4))
    costs = [row[1] for row in spend(warehouse, "user_id, cost") if row[0] == 1]
    assert sum(costs) == Decimal("99.50")
    guess = PROJECT.tests["falls_of_accumulated_cost_are_certain"]
    assert warehouse.execute(guess.sql).fetchall() == [
        (day(3), "000000000001", 1, 7, "correction", Decimal(100))
    ]


def test_after_a_restart_the_new_value_is_the_spend(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 9), aws(day(2), 2), aws(day(3), 5))
    assert spend(warehouse) == [
        (day(1), Decimal(9), 1, False, True),
        (day(2), Decimal(2), 1, True, False),
        (day(3), Decimal(3), 1, False, False),
    ]


def test_an_account_reused_for_another_user_starts_a_new_series(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 9, user=1), aws(day(2), 10, user=2))
    assert spend(warehouse, "user_id, cost, is_reset, is_first") == [
        (1, Decimal(9), False, True),
        (2, Decimal(10), False, True),
    ]
