"""Idle spend: only days whose sessions are known, and that have none."""

from decimal import Decimal

from analytics_pipeline_tests.support.model_warehouse import aws, build_all, put, utc
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
