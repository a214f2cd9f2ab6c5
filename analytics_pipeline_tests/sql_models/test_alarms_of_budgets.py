"""Alarms about budgets, and the states that they rest on, of hand-written files."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models import Severity, run_test
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    broken,
    build_all,
    found,
    land,
    load,
)

Connection = duckdb.DuckDBPyConnection
FIRST, STUCK, LAST = date(2026, 11, 1), date(2026, 11, 20), date(2026, 12, 6)
AWS = "AWS Account ID,User ID,User Email,Part ID,Part Name,Cost,File Updated Time\n"
AZURE = "User ID,User Email,Part ID,Part Name,Month,Year,Monthly-cost-to-date\n"
MAPPING = (
    "org_id,course_id,assignment_id,assignment_name,part_id,part_name,"
    "parent_assignment_id,parent_part_id\n9001,45686,2,A,7,Lab,,\n"
)
BUDGETS = "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat\n"


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def aws_files(in_december: int) -> dict[str, bytes]:
    """Return a file for each day, which costs one dollar, or `in_december` dollars in December."""
    files, accumulated = {}, 0
    for day in days(FIRST, LAST):
        accumulated += in_december if day.month == 12 else 1
        row = f"123456789012,1,,7,Lab,{accumulated},1796266800\n"
        files[f"org9001/cloud_spend/aws_cost_{day}.csv"] = (AWS + row).encode()
    return files


def build(
    connection: Connection,
    folder: Path,
    in_december: int,
    *budgets: str,
    files: Mapping[str, bytes] = {},
) -> None:
    """Load the course's AWS files and these lines of budgets.csv, and build all models."""
    by_hand = {
        "org9001/course-asn_mapping/asn_mapping.csv": MAPPING.encode(),
        "org9001/by_hand/budgets.csv": (BUDGETS + "\n".join([*budgets, ""])).encode(),
    }
    load(connection, land(folder, {**aws_files(in_december), **by_hand, **files}))
    build_all(connection)


def alarms(connection: Connection, name: str) -> dict[str, str]:
    """Return the messages of a test by alarm."""
    tested = run_test(connection, PROJECT.tests[name])
    assert tested.failure is None
    found = {alarm.alarm: alarm.message for alarm in tested.alarms}
    assert len(found) == tested.violations, "an alarm is listed twice"
    return found


def thresholds(connection: Connection) -> dict[str, str]:
    return alarms(connection, "budgets_reach_no_threshold")


def forecasts(connection: Connection) -> dict[str, str]:
    return alarms(connection, "budgets_last_by_the_forecast")


FALL = "course,45686,Fall,2026-12-01,2026-12-31,4000,USD,50,,none"
YEAR = "course,45686,Year,2026-12-01,2027-06-30,5900,USD,50,,none"


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(("per_day", "reached"), [(400, ["fall"]), (500, ["fall", "year"])])
def test_two_budgets_of_a_course_from_the_same_day_are_two_alarms(
    warehouse: Connection, tmp_path: Path, per_day: int, reached: list[str]
) -> None:
    names = {
        "fall": "budget of course 45686 from 2026-12-01 to 2026-12-31, 4000.00 USD, 50 %",
        "year": "budget of course 45686 from 2026-12-01 to 2027-06-30, 5900.00 USD, 50 %",
    }
    build(warehouse, tmp_path, per_day, FALL, YEAR)
    found = thresholds(warehouse)
    assert set(found) == {names[name] for name in reached}
    assert found[names["fall"]].startswith(f"{6 * per_day:.2f} of 4000.00 USD has been spent")


def test_the_forecast_of_each_budget_names_its_own_amount_and_days(
    warehouse: Connection, tmp_path: Path
) -> None:
    build(warehouse, tmp_path, 500, FALL, YEAR)
    rows = found(warehouse, "SELECT * FROM marts.budget_status")
    assert forecasts(warehouse) == {
        f"forecast of course 45686 from 2026-12-01 to {row['ends_on']}, {row['amount']:.2f} USD": (
            f"Spend of {row['forecast']:.2f} USD is expected by {row['ends_on']}, but the budget is"
            f" {row['amount']:.2f} USD; exhausted on {row['exhausted_on']}."
        )
        for row in rows
    }
    assert len(rows) == 2


def test_equal_budgets_are_one_alarm(warehouse: Connection, tmp_path: Path) -> None:
    build(warehouse, tmp_path, 500, FALL, FALL.replace("Fall", "Fall again"))
    assert len(thresholds(warehouse)) == len(forecasts(warehouse)) == 1


def test_a_budget_of_a_new_month_alarms_while_the_files_of_one_provider_fail(
    warehouse: Connection, tmp_path: Path
) -> None:
    azure = {
        f"org9001/cloud_spend/azure/azure_cost_{day}.csv": (
            (AZURE + "1,,7,Lab,11,2026,0\n").encode() if day < STUCK else b"<html>502</html>"
        )
        for day in days(FIRST, LAST)
    }
    monthly = "course,45686,Each month,2026-11-01,,400,USD,80;100,,monthly"
    december = "course,45686,December,2026-12-01,2026-12-31,3000,USD,50,,none"
    next_year = "course,45686,Next year,2027-01-01,2027-01-31,1,USD,50,,none"
    build(warehouse, tmp_path, 500, monthly, december, next_year, files=azure)
    assert broken(warehouse) == []
    rows = found(warehouse, "SELECT * FROM marts.budget_status ORDER BY budget, starts_on")
    assert [(row["budget"], row["starts_on"], row["state"]) for row in rows] == [
        ("December", date(2026, 12, 1), "over"),
        ("Each month", FIRST, "ended"),
        ("Each month", date(2026, 12, 1), "over"),
        ("Next year", date(2027, 1, 1), "upcoming"),
    ]
    assert {(row["as_of"], row["spend_until"]) for row in rows} == {
        (STUCK - timedelta(days=1), LAST)
    }
    assert set(thresholds(warehouse)) == {
        "budget of course 45686 from 2026-12-01 to 2026-12-31, 400.00 USD, 80 %",
        "budget of course 45686 from 2026-12-01 to 2026-12-31, 400.00 USD, 100 %",
        "budget of course 45686 from 2026-12-01 to 2026-12-31, 3000.00 USD, 50 %",
    }
    assert len(forecasts(warehouse)) == 2
    assert "19.35 % of the time" in next(iter(thresholds(warehouse).values()))


def test_before_any_spend_is_known_each_budget_is_upcoming(
    warehouse: Connection, tmp_path: Path
) -> None:
    (first,) = list(aws_files(1).items())[:1]
    monthly = "organisation,,Each month,2026-10-01,,400,USD,,,monthly"
    budgets = BUDGETS + monthly + "\n"
    files = dict([first, ("org9001/by_hand/budgets.csv", budgets.encode())])
    load(warehouse, land(tmp_path, files))
    build_all(warehouse)
    assert warehouse.execute(
        "SELECT starts_on, spend_until, state FROM marts.budget_status"
    ).fetchall() == [(date(2026, 10, 1), None, "upcoming")]
    assert broken(warehouse) == []


def test_a_budget_of_an_unknown_scope_alarms_once_its_period_has_begun(
    warehouse: Connection, tmp_path: Path
) -> None:
    unknown = "course,45687,Mistyped,2026-11-01,,400,USD,,,monthly"
    build(
        warehouse,
        tmp_path,
        1,
        unknown,
        unknown.replace("Mistyped", "Again"),
        "term,2026 fal,Term,2026-12-01,2026-12-31,400,USD,,,none",
        "department,CS,Later,2026-12-07,2026-12-31,400,USD,,,none",
        "root_course,9,Over,2026-11-01,2026-12-05,400,USD,,,none",
        "organisation,,All,2026-11-01,2026-12-31,400,USD,,,none",
    )
    found = alarms(warehouse, "every_budget_has_a_scope")
    assert set(found) == {
        "budget of the unknown course 45687",
        "budget of the unknown term 2026 fal",
    }
    assert PROJECT.tests["every_budget_has_a_scope"].severity is Severity.WARN


def test_an_alarm_names_no_email_address(warehouse: Connection, tmp_path: Path) -> None:
    """A department may be known by its head's email. Everybody in the UI sees alarms."""
    head = "ann.o-neil@cs.example.edu"
    labels = f"course_id,department,term,starts_on,ends_on\n45686,{head},,,\n".encode()
    build(
        warehouse,
        tmp_path,
        400,
        f"department,{head},Fall,2026-12-01,2026-12-31,4000,USD,50,,none",
        f"department,Dept of {head}!,None,2026-12-01,2026-12-31,4000,USD,50,,none",
        files={"org9001/by_hand/course_labels.csv": labels},
    )
    assert thresholds(warehouse).keys() == {
        "budget of department [email] from 2026-12-01 to 2026-12-31, 4000.00 USD, 50 %"
    }
    assert alarms(warehouse, "every_budget_has_a_scope").keys() == {
        "budget of the unknown department Dept of [email]"
    }
