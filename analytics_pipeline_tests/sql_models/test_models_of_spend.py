"""The traps of the accumulated feeds, one by one, on hand-written rows."""

from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline.sql_models import run_test
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    aws,
    azure,
    broken,
    build_all,
    found,
    put,
    utc,
)

Connection = duckdb.DuckDBPyConnection


def day(n: int, month: int = 10) -> date:
    return date(2026, month, n)


def spend(
    connection: Connection, columns: str = "spend_date, cost, days_covered, is_reset, is_first"
) -> list[tuple[object, ...]]:
    build_all(connection)
    # Hand-written rows have no ledger and no history.
    assert (
        broken(
            connection,
            {"raw_rows_are_those_of_the_ledger", "roster_changes_end_at_the_current_enrollment"},
        )
        == []
    )
    return connection.execute(
        f"SELECT {columns} FROM marts.daily_cloud_spend ORDER BY provider, spend_date, user_id,"
        " part_id"
    ).fetchall()


def test_a_days_spend_is_the_growth_since_the_previous_file(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), "1.000000001"),
        aws(day(2), "1.000000003"),
        aws(day(3), "1.000000003"),
    )
    assert spend(warehouse) == [
        (day(1), Decimal("1.000000001"), 1, False, True),
        (day(2), Decimal("0.000000002"), 1, False, False),
        (day(3), Decimal(0), 1, False, False),
    ]


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


@pytest.mark.parametrize(
    ("costs", "total", "falls"),
    [
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
        (["100", "60", "-5", "3"], "63", ["correction", "restart"]),
        (["-5", "-10", "-8"], "-8", ["correction"]),
        (["0", "-4", "-1"], "-1", ["correction"]),
    ],
    ids=str,
)
def test_a_value_that_falls_is_a_restart_a_correction_or_a_dip(
    warehouse: Connection, costs: list[str], total: str, falls: list[str]
) -> None:
    rows = readings(warehouse, *costs)
    assert [fall for _, _, fall in rows if fall] == falls
    assert sum(cost for cost, _, _ in rows) == Decimal(total)


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


def test_after_its_account_was_deactivated_a_value_that_falls_is_a_restart(
    warehouse: Connection,
) -> None:
    left = {"deactivation_date": utc(2026, 10, 2, 12)}
    put(warehouse, "raw.aws_cost", aws(day(1), 10), aws(day(2), 10) | left, aws(day(3), 6) | left)
    assert spend(warehouse, "cost, fall, fall_evidence")[2] == (
        Decimal(6),
        "restart",
        "deactivation",
    )


def test_sums_are_wider_than_their_parts(warehouse: Connection) -> None:
    for account in ("1", "2"):
        put(
            warehouse,
            "raw.aws_cost",
            aws(day(1), 1, account=account),
            aws(day(2), 600_000_000, account=account),
        )
        put(warehouse, "raw.aws_cost", aws(day(3), 900_000_000, account=account))
        put(
            warehouse,
            "raw.service_spend",
            SERVICE | {"aws_account_id": account, "cost": 600_000_000, "course_id": 5},
        )
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    put(warehouse, "raw.azure_cost", azure(day(1), 900_000_000, 10))
    assert sum(row[0] for row in spend(warehouse, "cost")) == 2_700_000_000
    assert warehouse.execute("SELECT spend FROM marts.course_summary").fetchall() == [
        (Decimal(2_700_000_000),)
    ]


def test_credits_take_part_in_every_sum(warehouse: Connection) -> None:
    put(warehouse, "raw.service_spend", *(SERVICE | {"cost": cost} for cost in (100, 90, -30, -10)))
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), 50),
        aws(day(1), -20),
        aws(day(2), 60),
        aws(day(2), -20),
    )
    put(warehouse, "raw.azure_cost", azure(day(1), -5, 10), azure(day(2), -7, 10))
    assert spend(warehouse, "provider, cost") == [
        *(("aws", Decimal(30)), ("aws", Decimal(10))),
        *(("azure", Decimal(-7)), ("azure", Decimal(0))),
    ]
    assert warehouse.execute("SELECT sum(cost) FROM marts.monthly_service_spend").fetchone() == (
        Decimal(60),
    )


def test_the_first_file_of_aws_is_an_opening_balance(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 9), aws(day(2), 10), aws(day(2), 5, user=2))
    put(warehouse, "raw.azure_cost", azure(day(1), 3, 10))
    assert spend(warehouse, "provider, spend_date, user_id, is_opening_balance, is_first") == [
        ("aws", day(1), 1, True, True),
        ("aws", day(2), 1, False, False),
        ("aws", day(2), 2, False, True),
        ("azure", day(1), 1, False, True),
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


def test_spend_after_a_missing_day_covers_two_days(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(3), 4))
    assert spend(warehouse)[1] == (day(3), Decimal(3), 2, False, False)


def test_days_are_counted_since_the_series_own_previous_value(warehouse: Connection) -> None:
    """A file may be partly delivered; no row is invented for the day without the series."""
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(2), 1, user=2), aws(day(3), 4))
    assert spend(warehouse, "spend_date, user_id, cost, days_covered") == [
        (day(1), 1, Decimal(1), 1),
        (day(2), 2, Decimal(1), 1),
        (day(3), 1, Decimal(3), 2),
    ]


def test_the_greatest_of_repeated_rows_in_a_file_counts(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 3), aws(day(1), 4), aws(day(1), 2), aws(day(2), 5))
    assert [row[1] for row in spend(warehouse)] == [Decimal(4), Decimal(1)]


def test_azure_restarts_every_month(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.azure_cost",
        azure(day(30), 8, 10),
        azure(day(31), 9, 10),
        azure(day(1, 11), 12, 11),
    )
    assert spend(warehouse) == [
        (day(30), Decimal(8), 30, False, True),
        (day(31), Decimal(1), 1, False, False),
        (
            day(1, 11),
            Decimal(12),
            1,
            False,
            True,
        ),  # 12 > 9, and yet not 3: nothing fell, but a month began
    ]


def test_the_months_bill_of_azure_is_its_last_value_and_a_fall_corrects_the_days_before(
    warehouse: Connection,
) -> None:
    put(
        warehouse,
        "raw.azure_cost",
        *(azure(day(n), cost, 10) for n, cost in ((1, 10), (2, 8), (3, 9), (4, 9), (5, 6))),
    )
    costs = [(row[0], row[1], row[3]) for row in spend(warehouse)]
    assert costs == [
        (day(1), Decimal(6), False),
        *((day(n), Decimal(0), False) for n in (2, 3, 4, 5)),
    ]


def test_azure_after_missing_days_never_reaches_over_the_first_of_the_month(
    warehouse: Connection,
) -> None:
    put(warehouse, "raw.azure_cost", azure(day(29), 8, 10), azure(day(2, 11), 3, 11))
    assert spend(warehouse)[1] == (day(2, 11), Decimal(3), 2, False, True)


def test_a_file_of_the_first_that_still_carries_the_old_month_completes_it(
    warehouse: Connection,
) -> None:
    """The value belongs to the old month: its last day's spend, and no spend of the new month."""
    put(
        warehouse,
        "raw.azure_cost",
        azure(day(30), 8, 10),
        azure(day(1, 11), 10, 10),
        azure(day(2, 11), 1, 11),
    )
    assert spend(warehouse) == [
        (day(30), Decimal(8), 30, False, True),
        (day(31), Decimal(2), 1, False, False),
        (day(2, 11), Decimal(1), 2, False, True),
    ]


def test_the_later_of_two_files_with_a_months_last_value_counts(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.azure_cost",
        azure(day(31), 8, 10),
        azure(day(1, 11), 7, 10),
        azure(day(1, 11), 1, 11),
    )
    assert spend(warehouse, "spend_date, cost, is_reset") == [
        (day(31), Decimal(7), False),
        (day(1, 11), Decimal(1), False),
    ]


def test_spend_of_a_part_that_no_mapping_knows_stays_and_totals_tie(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), "0.1"), aws(day(1), "0.2", part=8))
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    assert spend(warehouse, "part_id, course_id, assignment_id") == [(7, 5, 6), (8, None, None)]
    by_course = warehouse.execute(
        "SELECT course_id, spend FROM marts.course_summary ORDER BY course_id"
    ).fetchall()
    assert by_course == [(5, Decimal("0.1")), (None, Decimal("0.2"))]


def shared_part(connection: Connection, *courses: int) -> None:
    """Map part 7 to several courses, with a different assignment in each."""
    put(
        connection,
        "raw.asn_mapping",
        *({"course_id": c, "assignment_id": c * 10, "part_id": 7} for c in courses),
    )


SERVICE = {
    "aws_account_id": "0012",
    "user_id": 1,
    "part_id": 7,
    "file_month": day(1),
    "service": "EC2",
    "cost": 1,
}
LAB = {"user_id": 1, "part_id": 7, "file_date": day(1), "launch_time": utc(2026, 10, 1, 9)}
PERSON = {"userid": 1, "role": "student"}


@pytest.mark.parametrize(
    ("evidence", "course"),
    [
        ([], None),
        ([("raw.service_spend", SERVICE | {"course_id": 9})], 9),
        ([("raw.lab_sessions", LAB | {"course_id": 9})], 9),
        ([("raw.enrollment", PERSON | {"courseid": 9})], 9),
        (
            [
                ("raw.enrollment", PERSON | {"courseid": 9}),
                ("raw.enrollment", PERSON | {"courseid": 5}),
            ],
            None,
        ),
        (
            [
                ("raw.enrollment", PERSON | {"courseid": 5}),
                ("raw.lab_sessions", LAB | {"course_id": 9}),
            ],
            9,
        ),
        (
            [
                ("raw.service_spend", SERVICE | {"course_id": 5}),
                ("raw.lab_sessions", LAB | {"course_id": 9}),
            ],
            None,
        ),
        (
            [
                ("raw.service_spend", SERVICE | {"course_id": 8}),
                ("raw.lab_sessions", LAB | {"course_id": 9}),
            ],
            9,
        ),
        ([("raw.lab_sessions", LAB | {"course_id": 9, "user_id": 2})], None),
    ],
    ids=[
        *(
            "nothing",
            "service_spend",
            "a session",
            "enrolled in one",
            "enrolled in both",
            "a session before a roster",
        ),
        *("both are named", "one of two named is mapped", "another user's session"),
    ],
)
def test_spend_on_a_shared_part_follows_evidence_and_never_the_lowest_course_id(
    warehouse: Connection, evidence: list[tuple[str, dict[str, object]]], course: int | None
) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1))
    shared_part(warehouse, 9, 5)
    for table, row in evidence:
        put(warehouse, table, row)
    assert spend(warehouse, "course_id, assignment_id, cost") == [
        (course, course and course * 10, Decimal(1))
    ]
    warning = run_test(warehouse, PROJECT.tests["spend_of_shared_parts_has_a_course"])
    assert warning.violations == (1 if course is None else 0)


def test_sessions_and_money_of_a_part_belong_to_the_same_course(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(1), 2, user=2))
    shared_part(warehouse, 5)
    put(warehouse, "raw.lab_sessions", LAB | {"course_id": 9})
    assert spend(warehouse, "user_id, course_id, assignment_id") == [(1, 9, 50), (2, 5, 50)]


def test_service_spend_stays_in_the_course_that_it_names_or_else_in_that_of_its_part(
    warehouse: Connection,
) -> None:
    spent = {"aws_account_id": "0012", "user_id": 1, "part_id": 7, "file_month": day(1)}
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    put(
        warehouse,
        "raw.service_spend",
        {**spent, "service": "EC2", "cost": 2},
        {**spent, "service": "EC2", "cost": 1},
    )
    put(warehouse, "raw.service_spend", {**spent, "service": "S3", "cost": 3, "course_id": 9})
    put(warehouse, "raw.service_spend", {**spent, "service": "S3", "cost": 4, "course_id": 8})
    build_all(warehouse)
    assert warehouse.execute(
        "SELECT service, course_id, cost FROM marts.monthly_service_spend ORDER BY ALL"
    ).fetchall() == [("EC2", 5, Decimal(2)), ("S3", 8, Decimal(4)), ("S3", 9, Decimal(3))]


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


def labs_known(connection: Connection, *days: int) -> None:
    """The ledger says that these days' sessions are loaded."""
    put(
        connection,
        "ops.loaded_files",
        *({"dataset": "lab_sessions", "period": day(number)} for number in days),
    )


def idle(connection: Connection) -> list[tuple[object, ...]]:
    build_all(connection)
    return connection.execute(
        "SELECT spend_date, cost, days_covered FROM marts.idle_spend ORDER BY 1"
    ).fetchall()


def test_spend_is_idle_only_if_none_of_its_days_has_a_session(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), 1),
        aws(day(2), 2),
        aws(day(3), 3),
        aws(day(6), 4),
        aws(day(7), 4),
    )
    start = {"user_id": 1, "part_id": 7, "course_id": 5, "file_date": day(2)}
    over_midnight = {"start_time": utc(2026, 10, 2, 23), "end_time": utc(2026, 10, 3, 1)}
    put(warehouse, "raw.lab_sessions", {**start, **over_midnight})
    labs_known(warehouse, *range(1, 8))
    # Of the first file nobody knows since when; on the 2nd and 3rd a lab ran; on the 7th nothing
    # was spent.
    assert idle(warehouse) == [(day(6), Decimal(1), 3)]


def test_a_session_that_ends_at_midnight_does_not_use_the_next_day(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(2), 2), aws(day(3), 3))
    until_midnight = {"start_time": utc(2026, 10, 2, 23), "end_time": utc(2026, 10, 3)}
    at_midnight = {"start_time": utc(2026, 10, 2), "end_time": utc(2026, 10, 2)}
    for n, times in enumerate((until_midnight, at_midnight)):
        put(
            warehouse,
            "raw.lab_sessions",
            {"user_id": 1, "part_id": 7, "course_id": 5, "file_date": day(2 + n), **times},
        )
    labs_known(warehouse, 1, 2, 3)
    assert idle(warehouse) == [(day(3), Decimal(1), 1)]


def test_spend_of_days_with_unknown_sessions_is_not_idle(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.aws_cost",
        aws(day(1), 1),
        aws(day(2), 2),
        aws(day(3), 3),
        aws(day(6), 4),
        aws(day(8), 5),
    )
    labs_known(warehouse, 2, 4, 6, 7, 8)
    assert idle(warehouse) == [(day(2), Decimal(1), 1), (day(8), Decimal(1), 2)]


def test_money_of_several_days_is_spread_exactly_with_each_days_completeness(
    warehouse: Connection,
) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 7), aws(day(2), 8), aws(day(5), 9), aws(day(6), 9))
    loaded = [
        {"dataset": "aws_cost", "partition": f"2026-10-0{n}", "period": day(n)}
        for n in (1, 2, 5, 6)
    ]
    put(warehouse, "ops.loaded_files", *loaded)
    put(warehouse, "ops.failed_files", loaded[1])
    build_all(warehouse)
    columns = "day, dating, cost, is_complete"
    assert warehouse.execute(f"SELECT {columns} FROM marts.spend_days ORDER BY day").fetchall() == [
        (day(1), "before the first file", Decimal(7), False),
        (day(2), "as delivered", Decimal(1), False),  # its newest version is not loaded
        (day(3), "spread over several days", Decimal("0.333333333"), False),
        (day(4), "spread over several days", Decimal("0.333333333"), False),
        (day(5), "spread over several days", Decimal("0.333333334"), True),
    ]
