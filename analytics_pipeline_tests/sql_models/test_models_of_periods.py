"""Days, weeks and months of an organisation: the edges, on hand-written rows."""

from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline_tests.sql_models.test_models_of_populations import launch, member
from analytics_pipeline_tests.support.model_warehouse import (
    Row,
    aws,
    azure,
    broken,
    build_all,
    put,
)

Connection = duckdb.DuckDBPyConnection
DAY = timedelta(days=1)
CENT_FRACTION = Decimal("0.000001")


MAPPED = {"course_id": 5, "assignment_id": 6, "part_id": 7}


def ledger(dataset: str, *days: date) -> list[Row]:
    """Rows of ops.loaded_files."""
    return [
        {"dataset": dataset, "partition": str(day), "period": day, "source_key": f"{dataset}/{day}"}
        for day in days
    ]


def test_a_month_without_its_last_file_shares_the_next_cost_and_keeps_the_people_together(
    warehouse: Connection,
) -> None:
    """1 spends 2 a day, 2 spent 9 and never launched, 3 is staff; nothing was delivered on the 30th
    of September.
    """
    days = [date(2026, 9, 28), date(2026, 9, 29), date(2026, 10, 1), date(2026, 10, 2)]
    put(warehouse, "raw.asn_mapping", MAPPED)
    put(warehouse, "raw.course_mapping", {"course_id": 5, "course_name": "Clouds"})
    put(warehouse, "raw.enrollment", member(1), member(2), member(3, "ta"))
    put(
        warehouse,
        "raw.aws_cost",
        *(aws(day, cost) for day, cost in zip(days, (100, 102, 106, 108), strict=True)),
    )
    put(
        warehouse,
        "raw.aws_cost",
        aws(days[3], 9, user=2, account="0013"),
        aws(days[3], 4, user=3, account="0014"),
    )
    put(warehouse, "raw.azure_cost", azure(days[3], 10, month=10, user=3))
    put(warehouse, "raw.lab_sessions", launch(1), launch(3), launch(2, started=False))
    put(warehouse, "ops.loaded_files", *ledger("aws_cost", *days), *ledger("lab_sessions", *days))
    build_all(warehouse)
    columns = (
        "month, course_name, aws_spend, azure_spend, opening_balance, active_students,"
        " active_student_spend, spend_per_active_student, spend_per_hour, complete_days"
    )
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.course_months ORDER BY month"
    ).fetchall() == [
        (date(2026, 9, 1), "Clouds", 4, 0, 100, 0, 0, None, None, 1),
        (date(2026, 10, 1), "Clouds", 17, 10, 0, 1, 4, 4, 4, 2),
    ]
    columns = (
        "day, spend, spend_usd, opening_balance, active_users, sessions_complete, spend_complete"
    )
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.organisation_daily ORDER BY day"
    ).fetchall() == [
        (days[0], 0, 0, 100, 0, True, False),  # what was accumulated before is no spend of the day
        (days[1], 2, 2, 0, 0, True, True),
        (date(2026, 9, 30), 2, 2, 0, 0, False, False),
        (days[2], 2 + 5, 7, 0, 2, True, True),
        (days[3], 2 + 9 + 4 + 5, 20, 0, 0, True, True),
    ]


def test_days_since_seen_are_those_before_the_newest_loaded_day(warehouse: Connection) -> None:
    put(warehouse, "raw.enrollment", member(1), member(2))
    put(warehouse, "raw.lab_sessions", launch(1))
    put(
        warehouse,
        "ops.loaded_files",
        *ledger("lab_sessions", date(2026, 10, 1), date(2026, 10, 12)),
    )
    put(warehouse, "ops.loaded_files", *ledger("aws_cost", date(2026, 10, 20)))
    build_all(warehouse)
    people = "SELECT user_id, days_since_seen FROM marts.student_course_summary ORDER BY 1"
    assert warehouse.execute(people).fetchall() == [(1, 11), (2, None)]


def test_every_mart_of_money_has_names_beside_its_ids(warehouse: Connection) -> None:
    """Part 7 is of course 5 alone, 8 of two courses that nothing tells apart, 9 of none; nobody
    named course 6.
    """
    day = date(2026, 10, 1)
    names = {5: "First", 6: "Copy"}
    for course, assignment, part in ((5, 6, 7), (5, 6, 8), (6, 6, 8)):
        of_part = {"course_id": course, "assignment_id": assignment, "part_id": part}
        put(warehouse, "raw.asn_mapping", {**of_part, "assignment_name": names[course]})
    put(warehouse, "raw.course_mapping", {"course_id": 5, "course_name": "Clouds"})
    for part in (7, 8, 9):
        put(warehouse, "raw.aws_cost", aws(day, 1, part=part), aws(day + DAY, 2, part=part))
        service = {
            "file_month": day,
            "aws_account_id": "0012",
            "user_id": 1,
            "part_id": part,
            "service": "EC2",
            "cost": 1,
        }
        put(warehouse, "raw.service_spend", service)
    put(warehouse, "ops.loaded_files", *ledger("lab_sessions", day, day + DAY))
    build_all(warehouse)
    of_part_8 = (
        8,
        None,
        None,
        6,
        "Copy",
    )  # the same assignment in both courses: the first name in alphabetical order
    named = [(7, 5, "Clouds", 6, "First"), of_part_8, (9, None, None, None, None)]
    columns = "part_id, course_id, course_name, assignment_id, assignment_name"
    for mart in ("daily_cloud_spend", "idle_spend"):
        assert (
            warehouse.execute(f"SELECT DISTINCT {columns} FROM marts.{mart} ORDER BY 1").fetchall()
            == named
        ), mart
    for mart in ("spend_days", "monthly_service_spend", "course_summary", "course_months"):
        found_names = (
            f"SELECT DISTINCT course_id, course_name FROM marts.{mart} WHERE course_id IS DISTINCT"
            " FROM 6 ORDER BY 1"
        )
        assert warehouse.execute(found_names).fetchall() == [(5, "Clouds"), (None, None)], mart


def test_a_provider_counts_towards_completeness_from_its_first_file_on(
    warehouse: Connection,
) -> None:
    days = [date(2026, 9, n) for n in (1, 2, 3)]
    put(
        warehouse,
        "ops.loaded_files",
        *ledger("lab_sessions", *days),
        *ledger("azure_cost", days[1]),
    )
    failed = {
        "dataset": "lab_sessions",
        "partition": "2026-09-02",
        "period": days[1],
        "source_key": "x",
    }
    put(warehouse, "ops.failed_files", failed)
    build_all(warehouse)
    columns = "day, sessions_complete, spend_complete"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.organisation_daily ORDER BY day"
    ).fetchall() == [
        (days[0], True, False),  # no provider yet: nothing is known of money
        (days[1], False, True),  # the newest version of its sessions failed
        (days[2], True, False),
    ]


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(("last", "complete"), [(13, 13), (12, 20)], ids=["a week", "longer"])
def test_no_day_waits_longer_than_a_week_for_a_provider_that_delivers_nothing(
    warehouse: Connection, last: int, complete: int
) -> None:
    """AWS delivers up to the 20th, in files with only a header at first."""
    feed = [date(2026, 10, n) for n in range(1, 21)]
    empty = [row | {"rows": 0, "rejects": 0} for row in ledger("aws_cost", *feed)]
    put(warehouse, "ops.loaded_files", *empty, *ledger("lab_sessions", *feed))
    put(warehouse, "ops.loaded_files", *ledger("azure_cost", *feed[:last]))
    build_all(warehouse)
    assert broken(warehouse, {"raw_rows_are_those_of_the_ledger"}) == []
    for mart in ("organisation_daily", "spend_calendar"):
        days = f"SELECT count(*), max(day) FROM marts.{mart} WHERE is_complete"
        assert warehouse.execute(days).fetchone() == (complete, feed[complete - 1]), mart


@pytest.mark.first_forms(1)
@pytest.mark.parametrize("dataset", ["lab_sessions", "aws_cost", "azure_cost"])
def test_invariants_hold_while_one_daily_dataset_alone_is_loaded(
    warehouse: Connection, dataset: str
) -> None:
    put(
        warehouse,
        "ops.loaded_files",
        *ledger(dataset, date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 4)),
    )
    build_all(warehouse)
    assert broken(warehouse, {"raw_rows_are_those_of_the_ledger"}) == []


def test_a_student_of_two_courses_counts_once_in_the_organisation(warehouse: Connection) -> None:
    put(warehouse, "raw.enrollment", member(1), member(1, course=6), member(2, "teacher"))
    put(
        warehouse,
        "raw.lab_sessions",
        launch(1),
        launch(1, course=6, hour=11),
        launch(1, started=False, hour=13),
        launch(2),
    )
    put(
        warehouse,
        "ops.loaded_files",
        *ledger("lab_sessions", date(2026, 10, 1), date(2026, 10, 12)),
    )
    build_all(warehouse)
    columns = (
        "week, course_id, active_students, active_users, launches, failures, failure_rate, hours,"
        " student_hours, days_loaded"
    )
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.activity_weekly ORDER BY 1, 2"
    ).fetchall() == [
        (date(2026, 9, 28), 5, 1, 2, 3, 1, Decimal("0.333333"), 2, 1, 1),
        (date(2026, 9, 28), 6, 1, 1, 1, 0, 0, 1, 1, 1),
        (date(2026, 9, 28), None, 1, 2, 4, 1, Decimal("0.25"), 3, 2, 1),
        (
            date(2026, 10, 5),
            None,
            0,
            0,
            0,
            0,
            None,
            0,
            0,
            0,
        ),  # nothing was delivered, so nobody knows
        (date(2026, 10, 12), None, 0, 0, 0, 0, None, 0, 0, 1),  # delivered, and nobody came
    ]
