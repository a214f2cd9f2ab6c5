"""Enrolled, dropped, left, active and failed-only people; a shorter roster changes no past sum."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models import run_test
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    WRITTEN,
    Row,
    build_all,
    found,
    land,
    load,
    put,
    utc,
)

Connection = duckdb.DuckDBPyConnection
ENROLLMENT = (
    "userid,courseid,role,name,email,client_key,client_userid,dropped,"
    "organization_terms_agreed,organization_terms_agreed_date_utc"
)
AWS_COST = "AWS Account ID,User ID,User Email,Part ID,Part Name,Cost,File Updated Time"
MAPPING = (
    "org_id,course_id,assignment_id,assignment_name,part_id,part_name,"
    "parent_assignment_id,parent_part_id"
)


def launch(user: int, course: int = 5, started: bool = True, hour: int = 9) -> Row:
    """A row of raw.lab_sessions: a launch, and an hour in the lab if it started."""
    at = utc(2026, 10, 1, hour)
    times = {"start_time": at, "end_time": at + timedelta(hours=1)} if started else {}
    return {
        "user_id": user,
        "part_id": 7,
        "course_id": course,
        "launch_time": at,
        "file_date": at.date(),
        **times,
    }


def member(
    user: int, role: str | None = "student", dropped: bool | None = False, course: int = 5
) -> Row:
    """A row of raw.enrollment."""
    return {"userid": user, "courseid": course, "role": role, "dropped": dropped}


def was_listed(user: int, until: datetime, **more: object) -> Row:
    """Return a closed row of history.enrollment."""
    return {**member(user), "valid_from": utc(2026, 9, 1), "valid_to": until, **more}


def roster(students: int) -> dict[str, bytes]:
    """Return the enrollment file of course 5 with a teacher and this number of students."""
    people = [(900, "teacher"), *((user, "student") for user in range(1, students + 1))]
    rows = [f"{user},5,{role},N,{user}@example.edu,,,0,," for user, role in people]
    return {"org9001/enrollment/course5/enrollment.csv": "\n".join([ENROLLMENT, *rows]).encode()}


def costs() -> dict[str, bytes]:
    """Return a day on which the teacher and 19 students spend as many dollars as their number."""
    spent = [(900, 50), *((user, user) for user in range(1, 20))]
    rows = [f"{100000000000 + user},{user},,7,Lab,{cost},1790000000" for user, cost in spent]
    return {
        "org9001/cloud_spend/aws_cost_2026-10-01.csv": "\n".join([AWS_COST, *rows]).encode(),
        "org9001/course-asn_mapping/asn_mapping.csv": f"{MAPPING}\n1,5,6,Lab,7,Lab,,".encode(),
    }


def summary(connection: Connection, course: int = 5) -> Mapping[str, object]:
    (row,) = found(connection, f"SELECT * FROM marts.course_summary WHERE course_id = {course}")
    return row


def test_an_enrollment_file_cut_from_19_to_12_students_changes_no_spend(
    warehouse: Connection, tmp_path: Path
) -> None:
    load(warehouse, land(tmp_path, {**roster(19), **costs()}))
    build_all(warehouse)
    before = summary(warehouse)
    assert (before["students"], before["left_students"], before["student_spend"]) == (
        19,
        0,
        Decimal(190),
    )
    load(warehouse, land(tmp_path, roster(12), WRITTEN + timedelta(days=1)))
    build_all(warehouse)
    after = summary(warehouse)
    assert (after["students"], after["left_students"], after["student_spend"]) == (
        12,
        7,
        Decimal(190),
    )
    assert (after["spend"], after["staff"]) == (Decimal(240), 1)
    people = warehouse.execute(
        "SELECT role, is_student, is_enrolled, count(*) FROM marts.student_course_summary GROUP BY"
        " ALL ORDER BY ALL"
    )
    assert people.fetchall() == [
        ("student", True, False, 7),
        ("student", True, True, 12),
        ("teacher", False, True, 1),
    ]
    load(warehouse, land(tmp_path, roster(19), WRITTEN + timedelta(days=2)))
    build_all(warehouse)
    assert summary(warehouse) == before, "everybody is back"


def test_a_student_whose_only_launch_failed_is_not_active_and_is_counted(
    warehouse: Connection,
) -> None:
    put(warehouse, "raw.enrollment", *(member(user) for user in (1, 2, 3)))
    put(
        warehouse,
        "raw.lab_sessions",
        launch(1),
        launch(1, started=False, hour=8),
        launch(2, started=False),
    )
    build_all(warehouse)
    row = summary(warehouse)
    expected = {
        "students": 3,
        "active_enrolled_students": 1,
        "failed_only_students": 1,
        "students_never_launched": 1,
    }
    assert {name: row[name] for name in expected} == expected
    columns = "user_id, is_active, is_failed_only, never_launched"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.student_course_summary ORDER BY 1"
    ).fetchall() == [
        (1, True, False, False),
        (2, False, True, False),
        (3, False, False, True),
    ]


def test_spend_per_active_student_is_of_the_same_people(warehouse: Connection) -> None:
    """1 is enrolled and active, 2 dropped and active, 3 left and active, 4 only failed, 5 spent
    without a session.
    """
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    put(
        warehouse,
        "raw.enrollment",
        member(1),
        member(2, dropped=True),
        member(4),
        member(5),
        member(6, "ta"),
    )
    put(warehouse, "history.enrollment", was_listed(3, utc(2026, 10, 9)))
    put(
        warehouse,
        "raw.lab_sessions",
        launch(1),
        launch(2),
        launch(3),
        launch(4, started=False),
        launch(6),
    )
    day = utc(2026, 10, 1)
    for user in range(1, 7):
        cost = {
            "aws_account_id": f"{user:012d}",
            "user_id": user,
            "part_id": 7,
            "cost": user,
            "file_date": day,
        }
        put(warehouse, "raw.aws_cost", cost)
    build_all(warehouse)
    row = summary(warehouse)
    assert (row["students"], row["dropped_students"], row["left_students"], row["staff"]) == (
        3,
        1,
        1,
        1,
    )
    assert (row["active_enrolled_students"], row["active_students"]) == (1, 3)
    assert (row["spend"], row["student_spend"], row["active_student_spend"]) == (21, 15, 6)
    assert row["spend_per_active_student"] == 2


def test_the_last_known_role_counts(warehouse: Connection) -> None:
    put(
        warehouse,
        "history.enrollment",
        was_listed(1, utc(2026, 9, 9), role="ta"),
        was_listed(1, utc(2026, 9, 20)),
    )
    put(
        warehouse,
        "history.enrollment",
        was_listed(2, utc(2026, 9, 9)),
        was_listed(2, utc(2026, 9, 20), role="TA"),
    )
    put(
        warehouse,
        "history.enrollment",
        was_listed(3, utc(2026, 9, 9)),
        was_listed(4, utc(2026, 9, 9), dropped=True),
    )
    put(warehouse, "raw.enrollment", member(3, role=None))
    build_all(warehouse)
    columns = "user_id, role, is_student, is_enrolled, dropped"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.student_course_summary ORDER BY 1"
    ).fetchall() == [
        (1, "student", True, False, False),
        (2, "ta", False, False, False),
        (3, "student", True, True, False),  # a file without roles hides no student
        (4, "student", True, False, True),
    ]
    assert (summary(warehouse)["dropped_students"], summary(warehouse)["left_students"]) == (1, 1)
    assert [test.name for test in PROJECT.tests.values() if run_test(warehouse, test).failure] == []


@pytest.mark.first_forms(1)
@pytest.mark.parametrize(
    ("graded", "percent", "of_all"), [((6,), 80, 20), ((6, 8), 65, 65), ((), None, 0)]
)
def test_percent_of_all_counts_missing_submissions_as_zero(
    warehouse: Connection, graded: tuple[int, ...], percent: int | None, of_all: int
) -> None:
    """Assignment 6 has 10 points and 8 has 30; asn_mapping lists 9, whose points are unknown."""
    put(warehouse, "raw.enrollment", member(1), member(900, "teacher"))
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 9, "part_id": 7})
    points = {6: (8, 10), 8: (18, 30)}
    for assignment, (score, most) in points.items():
        of_assignment = {"courseid": 5, "asnid": assignment, "maxscore": most}
        put(warehouse, "raw.grades", {**of_assignment, "userid": 2, "asnscore": 1})
        if assignment in graded:
            put(warehouse, "raw.grades", {**of_assignment, "userid": 1, "asnscore": score})
    build_all(warehouse)
    columns = "user_id, assignments_graded, assignments_in_course, percent, percent_of_all"
    rows = warehouse.execute(
        f"SELECT {columns} FROM marts.student_course_summary ORDER BY 1"
    ).fetchall()
    assert rows[0] == (1, len(graded), 3, percent, of_all)
    assert rows[-1] == (900, 0, 3, None, None), "staff who submitted nothing have no percentage"
