"""The course of spend on a shared part, of students who move from one course to another."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_pipeline_tests.support.hand_written import (
    Cost,
    Files,
    aws_cost,
    azure_cost,
    budgets,
    days,
    enrollment,
    lab_sessions,
    parts,
)
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    aws,
    azure,
    broken,
    build_all,
    land,
    load,
    put,
    utc,
)
from analytics_pipeline_tests.support.spend_rows import SERVICE, Connection, day, spend

OLD, CLONE, THIRD = 5, 9, 11
MONTHS = (6, 7, 8, 9, 10)
Row = tuple[str, Mapping[str, object]]
"""A table, and a row of it."""
OCTOBER, NOVEMBER = days(day(1), day(31)), days(day(1, 11), day(5, 11))


def spent_on(listed: Sequence[date]) -> Files:
    """Return files in which user 1 spends 2 dollars a day on AWS and 1 on Azure, and user 2 has
    spent a dollar on AWS since before.
    """
    on_aws: dict[date, list[Cost]] = {
        at: [(1, 7, 2 * n), (2, 8, 1)] for n, at in enumerate(listed, 1)
    }
    on_azure = {at: [(1, 7, at.day)] for at in listed}
    return aws_cost({day(30, 9): [(2, 8, 1)], **on_aws}) | azure_cost(on_azure)


@pytest.mark.thorough
def test_a_student_who_moves_to_a_clone_leaves_last_terms_money_and_its_budget_as_they_were(
    warehouse: Connection, tmp_path: Path
) -> None:
    last_term = (
        parts((OLD, 7), (CLONE, 7))
        | enrollment(OLD, (1, "student"))
        | budgets(
            f"course,{OLD},Old,2026-10-01,2026-10-31,90,USD,,,none",
            f"course,{CLONE},New,2026-11-01,2026-12-31,90,USD,,,none",
        )
        | spent_on(OCTOBER)
        | lab_sessions({OCTOBER[0]: [(1, OLD, 7)]})
    )
    this_term = (
        enrollment(CLONE, (1, "student"))
        | spent_on([*OCTOBER, *NOVEMBER])
        | lab_sessions({NOVEMBER[0]: [(1, CLONE, 7)]})
    )
    states = []
    for files in (last_term, this_term):
        load(warehouse, land(tmp_path, files))
        build_all(warehouse)
        assert broken(warehouse) == []
        rows = warehouse.execute("SELECT budget, spent, state FROM marts.budget_status ORDER BY 1")
        states.append(rows.fetchall())
    assert states == [
        [("New", Decimal(0), "upcoming"), ("Old", Decimal(93), "over")],
        [("New", Decimal(15), "ok"), ("Old", Decimal(93), "ended over")],
    ]


def session(user: int, course: int, month: int) -> Row:
    """Return a session before midnight of the month's last day, which the next day's file lists."""
    at = utc(2026, month, 30, 23)
    lab = {"user_id": user, "part_id": 7, "course_id": course, "launch_time": at, "start_time": at}
    return "raw.lab_sessions", lab | {"file_date": day(1, month + 1)}


def bill(user: int, course: int | None, month: int) -> Row:
    """Return a line of service_spend."""
    line = {"user_id": user, "course_id": course, "file_month": day(1, month)}
    return "raw.service_spend", SERVICE | line


def shared_part(warehouse: Connection, *courses: int) -> None:
    """Map part 7 to several courses."""
    mapping = ({"course_id": c, "assignment_id": c * 10, "part_id": 7} for c in courses)
    put(warehouse, "raw.asn_mapping", *mapping)


def put_all(warehouse: Connection, rows: Iterable[Row]) -> None:
    """Insert rows of several tables."""
    for table in ("raw.lab_sessions", "raw.service_spend"):
        if listed := [row for name, row in rows if name == table]:
            put(warehouse, table, *listed)


def courses_by_month(warehouse: Connection, users: Iterable[int]) -> dict[int, list[int | None]]:
    """Let each user spend on the part in each month, and return the courses of their spend."""
    spent = [aws(day(2, month), 1, user=user) for month in MONTHS for user in users]
    put(warehouse, "raw.aws_cost", *spent)
    build_all(warehouse, [*PROJECT.upstream(["staging.spend_courses"]), "staging.spend_courses"])
    rows = warehouse.execute(
        """SELECT user_id, list(course_id ORDER BY month), list(month(month) ORDER BY month)
           FROM staging.spend_courses GROUP BY user_id"""
    ).fetchall()
    assert all(months == list(MONTHS) for _, _, months in rows)
    return {user: courses for user, courses, _ in rows}


EVIDENCE: dict[str, tuple[dict[int, list[int]], list[int | None]]] = {
    "no move": ({8: [OLD]}, [OLD] * 5),
    "a new term": ({6: [OLD], 9: [CLONE]}, [OLD, OLD, OLD, CLONE, CLONE]),
    "spend before any evidence": ({8: [OLD], 9: [CLONE]}, [OLD, OLD, OLD, CLONE, CLONE]),
    "there and back": ({6: [OLD], 8: [CLONE], 10: [OLD]}, [OLD, OLD, CLONE, CLONE, OLD]),
    "a move within a month": (
        {6: [OLD], 8: [OLD, CLONE], 9: [CLONE]},
        [OLD, OLD, None, CLONE, CLONE],
    ),
    "a move within a month, and nothing after": (
        {6: [OLD], 8: [OLD, CLONE]},
        [OLD, OLD, None, None, None],
    ),
    "a move within the first month": (
        {8: [OLD, CLONE], 10: [CLONE]},
        [None, None, None, None, CLONE],
    ),
    "a second course that is not mapped": ({6: [OLD], 8: [8, CLONE]}, [OLD, OLD] + [CLONE] * 3),
    "no evidence": ({}, [None] * 5),
}


@pytest.mark.parametrize("source", [session, bill], ids=["sessions", "service_spend"])
def test_each_months_spend_is_in_the_course_of_the_months_own_or_nearest_evidence(
    warehouse: Connection, source: Callable[[int, int, int], Row]
) -> None:
    shared_part(warehouse, OLD, CLONE)
    names = dict(enumerate(EVIDENCE, 1))
    put_all(
        warehouse,
        [
            source(user, course, month)
            for user, name in names.items()
            for month, courses in EVIDENCE[name][0].items()
            for course in courses
        ],
    )
    found = courses_by_month(warehouse, names)
    assert {names[user]: courses for user, courses in found.items()} == {
        name: courses for name, (_, courses) in EVIDENCE.items()
    }


def test_enrollment_decides_between_the_courses_of_a_month_but_not_for_a_third(
    warehouse: Connection,
) -> None:
    shared_part(warehouse, OLD, CLONE, THIRD)
    people = [(1, CLONE, None), (1, OLD, True), (2, THIRD, None), (3, OLD, True)]
    listed = ({"userid": user, "courseid": c, "dropped": gone} for user, c, gone in people)
    put(warehouse, "raw.enrollment", *(person | {"role": "student"} for person in listed))
    rows = [session(user, course, 8) for user in (1, 2, 3) for course in (OLD, CLONE)]
    put_all(warehouse, [*rows, session(1, OLD, 6), session(2, THIRD, 10)])
    assert courses_by_month(warehouse, (1, 2, 3)) == {
        1: [OLD, OLD, CLONE, CLONE, CLONE],
        2: [None, None, None, None, THIRD],
        3: [OLD] * 5,
    }


def test_evidence_of_later_months_changes_no_month_that_has_evidence_or_comes_after_some(
    warehouse: Connection,
) -> None:
    chance = random.Random(7)
    shared_part(warehouse, OLD, CLONE, THIRD)
    rows: list[Row] = []
    until: dict[int, int] = {}
    first: dict[int, int] = {}
    for user in range(1, 201):
        until[user] = chance.choice(MONTHS)
        enrolled = {"userid": user, "courseid": chance.choice([OLD, CLONE, THIRD])}
        put(warehouse, "raw.enrollment", enrolled, enrolled | {"userid": user + 1000})
        for month in MONTHS:
            for course in chance.sample([OLD, CLONE, THIRD], chance.choice([0, 0, 1, 1, 2])):
                source = chance.choice([session, bill])
                rows.append(source(user, course, month))
                if month <= until[user]:
                    rows.append(source(user + 1000, course, month))
                    first.setdefault(user, month)
    put_all(warehouse, rows)
    found = courses_by_month(warehouse, [*until, *(user + 1000 for user in until)])
    assert len(first) > 100
    for user, since in first.items():
        fixed = slice(MONTHS.index(since), MONTHS.index(until[user]) + 1)
        assert found[user][fixed] == found[user + 1000][fixed], user


def test_each_cost_is_in_the_course_of_its_own_month(warehouse: Connection) -> None:
    """One of AWS that grew over a month's edge is whole in the month of its file."""
    shared_part(warehouse, OLD, CLONE)
    put(warehouse, "raw.aws_cost", aws(day(30), 1), aws(day(2, 11), 3))
    put(warehouse, "raw.azure_cost", azure(day(31), 4, 10), azure(day(1, 11), 5, 10))
    put(warehouse, "raw.azure_cost", azure(day(1, 11), 6, 11))
    put_all(warehouse, [bill(1, OLD, 10), bill(1, CLONE, 11), bill(1, None, 10), bill(1, None, 11)])
    assert spend(warehouse, "provider, spend_date, cost, course_id, assignment_id") == [
        ("aws", day(30), 1, OLD, OLD * 10),
        ("aws", day(2, 11), 2, CLONE, CLONE * 10),
        ("azure", day(31), 5, OLD, OLD * 10),
        ("azure", day(1, 11), 6, CLONE, CLONE * 10),
    ]
    lines = warehouse.execute(
        "SELECT month, course_id, cost FROM marts.monthly_service_spend ORDER BY month"
    )
    assert lines.fetchall() == [(day(1), OLD, 2), (day(1, 11), CLONE, 2)]
