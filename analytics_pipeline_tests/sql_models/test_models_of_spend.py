"""The traps of the accumulated feeds, one by one, on rows written by hand."""

from datetime import date
from decimal import Decimal

import duckdb

from analytics_pipeline.sql_models import run_tests
from analytics_pipeline_tests.sql_models.modelled import PROJECT, aws, azure, build_all, found, put, utc

Connection = duckdb.DuckDBPyConnection


def day(n: int, month: int = 10) -> date:
    return date(2026, month, n)


def spend(
    connection: Connection, columns: str = "spend_date, cost, days_covered, is_reset, is_first"
) -> list[tuple[object, ...]]:
    build_all(connection)
    broken = [tested.test.name for tested in run_tests(connection, PROJECT.tests.values()) if not tested.passed]
    assert set(broken) <= {"raw_rows_are_those_of_the_ledger"}, broken  # rows written by hand have no ledger
    return connection.execute(
        f"SELECT {columns} FROM marts.daily_cloud_spend ORDER BY provider, spend_date, user_id, part_id"
    ).fetchall()


def test_a_days_spend_is_the_growth_since_the_previous_file(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), "1.000000001"), aws(day(2), "1.000000003"), aws(day(3), "1.000000003"))
    assert spend(warehouse) == [
        (day(1), Decimal("1.000000001"), 1, False, True),
        (day(2), Decimal("0.000000002"), 1, False, False),
        (day(3), Decimal(0), 1, False, False),
    ]


def test_where_the_value_falls_the_new_value_was_spent(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 9), aws(day(2), 2), aws(day(3), 5))
    assert spend(warehouse) == [
        (day(1), Decimal(9), 1, False, True),
        (day(2), Decimal(2), 1, True, False),
        (day(3), Decimal(3), 1, False, False),
    ]


def test_an_account_that_goes_to_another_user_begins_anew(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 9, user=1), aws(day(2), 10, user=2))
    assert spend(warehouse, "user_id, cost, is_reset, is_first") == [
        (1, Decimal(9), False, True),
        (2, Decimal(10), False, True),
    ]


def test_after_a_missing_day_the_spend_says_that_it_covers_two(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(3), 4))
    assert spend(warehouse)[1] == (day(3), Decimal(3), 2, False, False)


def test_a_series_that_a_delivered_file_leaves_out_is_unchanged(warehouse: Connection) -> None:
    """So its next spend covers one day, not two, and no row is made up for the day without it."""
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(2), 1, user=2), aws(day(3), 4))
    assert spend(warehouse, "spend_date, user_id, cost, days_covered") == [
        (day(1), 1, Decimal(1), 1),
        (day(2), 2, Decimal(1), 1),
        (day(3), 1, Decimal(3), 1),
    ]


def test_of_a_row_repeated_in_a_file_the_greatest_counts(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 3), aws(day(1), 4), aws(day(1), 2), aws(day(2), 5))
    assert [row[1] for row in spend(warehouse)] == [Decimal(4), Decimal(1)]


def test_azure_begins_anew_with_each_month(warehouse: Connection) -> None:
    put(warehouse, "raw.azure_cost", azure(day(30), 8, 10), azure(day(31), 9, 10), azure(day(1, 11), 12, 11))
    assert spend(warehouse) == [
        (day(30), Decimal(8), 30, False, True),
        (day(31), Decimal(1), 1, False, False),
        (day(1, 11), Decimal(12), 1, False, True),  # 12 > 9, and yet not 3: nothing fell, but a month began
    ]


def test_the_months_bill_of_azure_is_its_last_value_and_a_fall_corrects_the_days_before(warehouse: Connection) -> None:
    put(
        warehouse, "raw.azure_cost", *(azure(day(n), cost, 10) for n, cost in ((1, 10), (2, 8), (3, 9), (4, 9), (5, 6)))
    )
    costs = [(row[0], row[1], row[3]) for row in spend(warehouse)]
    assert costs == [(day(1), Decimal(6), False), *((day(n), Decimal(0), False) for n in (2, 3, 4, 5))]


def test_azure_after_missing_days_never_reaches_over_the_first_of_the_month(warehouse: Connection) -> None:
    put(warehouse, "raw.azure_cost", azure(day(29), 8, 10), azure(day(2, 11), 3, 11))
    assert spend(warehouse)[1] == (day(2, 11), Decimal(3), 2, False, True)


def test_a_file_of_the_first_that_still_carries_the_old_month_completes_it(warehouse: Connection) -> None:
    """The value belongs to the old month: its last day's spend, and no spend of the new month."""
    put(warehouse, "raw.azure_cost", azure(day(30), 8, 10), azure(day(1, 11), 10, 10), azure(day(2, 11), 1, 11))
    assert spend(warehouse) == [
        (day(30), Decimal(8), 30, False, True),
        (day(31), Decimal(2), 1, False, False),
        (day(2, 11), Decimal(1), 2, False, True),
    ]


def test_of_two_files_with_a_months_last_value_the_later_counts(warehouse: Connection) -> None:
    put(warehouse, "raw.azure_cost", azure(day(31), 8, 10), azure(day(1, 11), 7, 10), azure(day(1, 11), 1, 11))
    assert spend(warehouse, "spend_date, cost, is_reset") == [
        (day(31), Decimal(7), False),
        (day(1, 11), Decimal(1), False),
    ]


def test_spend_of_a_part_that_no_mapping_knows_stays_and_totals_tie(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), "0.1"), aws(day(1), "0.2", part=8))
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    assert spend(warehouse, "part_id, course_id, assignment_id") == [(7, 5, 6), (8, None, None)]
    by_course = warehouse.execute("SELECT course_id, spend FROM marts.course_summary ORDER BY course_id").fetchall()
    assert by_course == [(5, Decimal("0.1")), (None, Decimal("0.2"))]


def test_a_part_that_is_mapped_twice_does_not_double_its_spend(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1))
    mappings = [{"course_id": course, "assignment_id": 6, "part_id": 7} for course in (9, 5)]
    put(warehouse, "raw.asn_mapping", *mappings)
    assert spend(warehouse, "course_id, cost") == [(5, Decimal(1))]


def test_service_spend_stays_in_the_course_that_it_names_or_else_in_that_of_its_part(warehouse: Connection) -> None:
    spent = {"aws_account_id": "0012", "user_id": 1, "part_id": 7, "file_month": day(1)}
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    put(warehouse, "raw.service_spend", {**spent, "service": "EC2", "cost": 2}, {**spent, "service": "EC2", "cost": 1})
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
    rows = found(warehouse, f"SELECT {columns} FROM marts.spend_reconciliation ORDER BY month, aws_account_id")
    assert [tuple(row.values()) for row in rows] == [
        (None, Decimal(1), None, Decimal(0)),  # October has no service file: not known, and not 0
        (Decimal("4.5"), Decimal(4), Decimal("0.5"), Decimal(3)),  # 3 were spent from 31 October to 2 November
        (Decimal(0), Decimal(2), Decimal(-2), Decimal(0)),
    ]


def labs_known(connection: Connection, *days: int) -> None:
    """The ledger says that these days' sessions are loaded."""
    put(connection, "ops.loaded_files", *({"dataset": "lab_sessions", "period": day(one)} for one in days))


def idle(connection: Connection) -> list[tuple[object, ...]]:
    build_all(connection)
    return connection.execute("SELECT spend_date, cost, days_covered FROM marts.idle_spend ORDER BY 1").fetchall()


def test_spend_is_idle_only_if_none_of_its_days_has_a_session(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(2), 2), aws(day(3), 3), aws(day(6), 4), aws(day(7), 4))
    start = {"user_id": 1, "part_id": 7, "course_id": 5, "file_date": day(2)}
    over_midnight = {"start_time": utc(2026, 10, 2, 23), "end_time": utc(2026, 10, 3, 1)}
    put(warehouse, "raw.lab_sessions", {**start, **over_midnight})
    labs_known(warehouse, *range(1, 8))
    # Of the first file nobody knows since when; on the 2nd and 3rd a lab ran; on the 7th nothing was spent.
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


def test_spend_of_days_whose_sessions_nobody_knows_is_not_called_idle(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), 1), aws(day(2), 2), aws(day(3), 3), aws(day(6), 4), aws(day(8), 5))
    labs_known(warehouse, 2, 4, 6, 7, 8)
    assert idle(warehouse) == [(day(2), Decimal(1), 1), (day(8), Decimal(1), 2)]
