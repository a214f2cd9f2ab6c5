"""Idle spend: only days whose sessions are known, and that have none."""

from decimal import Decimal

from analytics_pipeline_tests.support.model_warehouse import (
    aws,
    broken,
    build_all,
    put,
    utc,
)
from analytics_pipeline_tests.support.spend_rows import Connection, day


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


def test_a_lab_that_each_days_file_lists_as_open_is_not_idle(warehouse: Connection) -> None:
    """User 1's lab runs from the 2nd on, and the files list it up to the 4th; user 2's launch
    fails, but stays listed; user 3's lab has an end in the newest file that lists it.
    """
    lab = {"part_id": 7, "course_id": 5, "launch_time": utc(2026, 10, 2, 9)}
    started = lab | {"start_time": utc(2026, 10, 2, 9, 5)}
    ends = {"end_time": utc(2026, 10, 3, 9)}
    for n in (2, 3, 4):
        put(
            warehouse,
            "raw.lab_sessions",
            started | {"user_id": 1, "file_date": day(n)},
            lab | {"user_id": 2, "file_date": day(n)},
            started | {"user_id": 3, "file_date": day(n)} | (ends if n == 4 else {}),
        )
    for user in (1, 2, 3):
        put(warehouse, "raw.aws_cost", *(aws(day(n), n, user=user) for n in range(1, 7)))
    labs_known(warehouse, *range(1, 7))
    build_all(warehouse)
    found = warehouse.execute(
        "SELECT user_id, spend_date, days_since_session FROM marts.idle_spend ORDER BY ALL"
    ).fetchall()
    assert found == [
        *((1, day(n), n - 4) for n in (5, 6)),
        *((2, day(n), n - 2) for n in (3, 4, 5, 6)),
        *((3, day(n), n - 3) for n in (4, 5, 6)),
    ]
    assert broken(warehouse, {"raw_rows_are_those_of_the_ledger"}) == []


def test_an_open_lab_counts_for_31_days(warehouse: Connection) -> None:
    lab = {"user_id": 1, "part_id": 7, "course_id": 5, "start_time": utc(2026, 9, 1, 9)}
    put(warehouse, "raw.lab_sessions", lab | {"file_date": day(1, 9)}, lab | {"file_date": day(4)})
    put(warehouse, "raw.aws_cost", *(aws(day(n), n) for n in range(1, 5)))
    labs_known(warehouse, 1, 2, 3, 4)
    assert idle(warehouse) == [(day(3), 1, 1), (day(4), 1, 1)]
