"""The queries of docs/questions.md on a small organisation whose answers can be counted by hand."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.sql_models.sql_syntax import parse_query, tables_read
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import Row, build_all, put, utc

PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text("utf-8")
QUERIES = {
    int(number): query
    for number, query in re.findall(
        r"^## (\d+)\. .*?```sql\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE
    )
}
MOST_LINES = 8
SEP, OCT = date(2026, 9, 1), date(2026, 10, 1)
DAYS = [
    date(2026, 9, 28) + timedelta(days=n) for n in range(9)
]  # Monday, to Tuesday of the next week
SEP_28, SEP_29, SEP_30, OCT_1, OCT_2, OCT_3, OCT_4, OCT_5, OCT_6 = DAYS
WEEK_1, WEEK_2 = SEP_28, OCT_5
PARTS = {
    7: (5, 50, "Intro"),
    8: (5, 51, "Project"),
    9: (6, 60, "Intro"),
}  # course and assignment; nobody knows part 99
USER, TIMER = "END successful (User Ended Lab)", "END successful (Session Timer Expires)"


def session(
    user: int, part: int, at: datetime, kind: str, minutes: int | None, wait: int = 0, log: str = ""
) -> Row:
    """A row of raw.lab_sessions; without minutes it is a failed launch."""
    course, assignment, _ = PARTS[part]
    where = {
        "user_id": user,
        "part_id": part,
        "course_id": course,
        "assignment_id": assignment,
        "lab_type": kind,
    }
    times = {"file_date": at.date(), "launch_time": at, "log": log}
    if minutes is None:
        return {**where, **times}
    return {
        **where,
        **times,
        "start_time": at,
        "end_time": at + timedelta(minutes=minutes),
        "init_time": at + timedelta(seconds=wait),
    }


SESSIONS = [
    session(
        7, 9, utc(2026, 9, 28, 8), "Container", 30, 10, "END successful (Instructor Ended Lab)"
    ),
    session(1, 7, utc(2026, 9, 28, 9), "Cloud", 60, 60, USER),
    session(6, 9, utc(2026, 9, 29, 9), "Cloud", 60, 200, USER),
    session(1, 7, utc(2026, 10, 1, 9), "Cloud", 120, 100, TIMER),
    session(2, 8, utc(2026, 10, 1, 10), "VM", 30, 30, USER),
    session(3, 7, utc(2026, 10, 1, 11), "Cloud", None, log="START failed (CFN)"),
    session(4, 8, utc(2026, 10, 2, 12), "VM", 60, 20, TIMER),
    session(1, 7, utc(2026, 10, 6, 9), "Cloud", 60, 60, USER),
]
# by user and part, what AWS had counted by the end of each day; the 30th of September was not
# delivered
ACCUMULATED = {
    (1, 7): {
        SEP_28: 10,
        SEP_29: 12,
        OCT_1: 16,
        OCT_2: 16,
        OCT_3: 16,
        OCT_4: 16,
        OCT_5: 19,
        OCT_6: 20,
    },
    (2, 8): {OCT_1: 5, OCT_2: 6, OCT_3: 6, OCT_4: 6, OCT_5: 6, OCT_6: 6},
    (4, 8): {OCT_2: 8},
    (6, 9): {SEP_29: 3, OCT_1: 3, OCT_2: 3, OCT_3: 3, OCT_4: 5},
    (1, 99): {OCT_5: 1},
}
SERVICES = [(SEP, 1, 7, "EC2", 4), (SEP, 6, 9, "EC2", 3), (SEP, 1, 7, "S3", Decimal("0.5"))]
SERVICES += [(OCT, 1, 7, "EC2", 7), (OCT, 2, 8, "EC2", 6), (OCT, 1, 7, "S3", -1)]
PEOPLE = [
    (1, 5, "student"),
    (2, 5, "student"),
    (3, 5, "student"),
    (4, 5, "ta"),
    (5, 6, "student"),
    (7, 6, "student"),
]
SCORES = {1: 9, 2: 5, 3: 3, 4: 10}  # of 10 points


LABELS = [(5, "CS", "2026 summer"), (6, "EE", "2026 fall")]


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the organisation into raw tables and the ledger."""
    for course, department, term in LABELS:
        put(
            connection,
            "raw.course_labels",
            {"course_id": course, "department": department, "term": term},
        )
    budget = {
        "scope": "course",
        "id": "5",
        "name": "Clouds in October",
        "starts_on": OCT,
        "ends_on": date(2026, 10, 31),
    }
    put(connection, "raw.budgets", {**budget, "amount": 100, "currency": "USD", "student_cap": 8})
    put(connection, "raw.course_mapping", {"course_id": 5, "course_name": "Clouds"})
    put(
        connection,
        "raw.course_mapping",
        {"course_id": 6, "course_name": "Clouds again", "parent_course_id": 5},
    )
    for part, (course, assignment, name) in PARTS.items():
        names = {
            "course_id": course,
            "assignment_id": assignment,
            "assignment_name": name,
            "part_id": part,
        }
        put(connection, "raw.asn_mapping", names)
    put(connection, "raw.lab_sessions", *SESSIONS)
    for (user, part), values in ACCUMULATED.items():
        series = {"aws_account_id": f"{user:012d}", "user_id": user, "part_id": part}
        put(
            connection,
            "raw.aws_cost",
            *({**series, "file_date": day, "cost": cost} for day, cost in values.items()),
        )
    for day, cost in ((OCT_5, 4), (OCT_6, 5)):
        of_month = {"month": 10, "year": 2026, "monthly_cost_to_date": cost}
        put(
            connection, "raw.azure_cost", {"file_date": day, "user_id": 2, "part_id": 8, **of_month}
        )
    for month, user, part, service, cost in SERVICES:
        line = {
            "file_month": month,
            "aws_account_id": f"{user:012d}",
            "user_id": user,
            "part_id": part,
        }
        put(
            connection,
            "raw.service_spend",
            {**line, "course_id": PARTS[part][0], "service": service, "cost": cost},
        )
    for user, score in SCORES.items():
        grade = {"userid": user, "courseid": 5, "asnid": 50, "asnscore": score, "maxscore": 10}
        put(connection, "raw.grades", grade)
    bonus = {"userid": 1, "courseid": 5, "asnid": 51, "asnscore": 50}
    put(connection, "raw.grades", bonus)  # without a maxscore, so it is part of no percentage
    for user, course, role in PEOPLE:
        put(
            connection,
            "raw.enrollment",
            {"userid": user, "courseid": course, "role": role, "dropped": False},
        )
    # 6 dropped before the last spend, and was no longer listed after it.
    who = {"userid": 6, "courseid": 6, "role": "student"}
    dropped_at, unlisted_at = utc(2026, 10, 2, 3), utc(2026, 10, 6, 3)
    states = ((False, utc(2026, 9, 1), dropped_at), (True, dropped_at, unlisted_at))
    for dropped, since, until in states:
        state = {"dropped": dropped, "valid_from": since, "valid_to": until}
        put(connection, "history.enrollment", who | state)
    files = {
        "lab_sessions": DAYS,
        "aws_cost": [day for day in DAYS if day != SEP_30],
        "azure_cost": [OCT_5, OCT_6],
    }
    for dataset, days in files.items():
        put(
            connection,
            "ops.loaded_files",
            *({"dataset": dataset, "partition": f"{d}", "period": d} for d in days),
        )
    for month in (SEP, OCT):
        put(
            connection,
            "ops.loaded_files",
            {"dataset": "service_spend", "partition": f"{month:%Y-%m}", "period": month},
        )
    put(
        connection,
        "ops.failed_files",
        {"dataset": "lab_sessions", "partition": f"{OCT_3}", "period": OCT_3},
    )


ANSWERS: dict[int, list[tuple[object, ...]]] = {
    1: [(SEP, Decimal("9.5"), 0, Decimal("9.5"), 1), (OCT, Decimal("20.5"), 5, Decimal("25.5"), 5)],
    2: [(5, "Clouds", 29), (6, "Clouds again", 5), (None, None, 1)],
    3: [("2026 summer", 1, 39, 15.5), ("2026 fall", 1, 5, 2.5)],
    4: [
        (SEP, "Clouds", 1, 4, 4),
        (SEP, "Clouds again", 2, 3, Decimal("1.5")),
        (OCT, "Clouds", 2, Decimal("14.5"), Decimal("7.25")),
    ],
    5: [
        (SEP, "Clouds", 1, 4),
        (SEP, "Clouds again", Decimal("1.5"), 2),
        (OCT, "Clouds", Decimal("3.5"), Decimal("4.142857")),
    ],
    6: [(SEP, "EC2", 7), (SEP, "S3", Decimal("0.5")), (OCT, "EC2", 13), (OCT, "S3", -1)],
    7: [
        ("Clouds", "Intro", 7, 1, 3),  # four days after a session; the 29th follows one by a day
        ("Clouds again", "Intro", 9, 1, 2),
        ("Clouds", "Project", 8, 1, 1),
        (None, None, 99, 1, 1),
    ],
    8: [(OCT, "Clouds", 2, "Clouds in October", 8, Decimal("8.5"))],
    9: [("Clouds", 3, "only failed launches"), ("Clouds again", 5, "no launch")],
    10: [("Clouds again", 7, 8)],
    11: [(WEEK_1, 7, 1, Decimal("14.3")), (WEEK_2, 1, 0, 0)],
    12: [
        (WEEK_1, "Cloud", 3, 100, 200),
        (WEEK_1, "Container", 1, 10, 10),
        (WEEK_1, "VM", 2, 20, 30),
        (WEEK_2, "Cloud", 1, 60, 60),
    ],
    13: [(WEEK_1, 5, 4, None, 6), (WEEK_2, 1, 1, -4, 2)],
    14: [("Clouds", False, 2, 40), ("Clouds", True, 1, 90)],
    15: [(5, 2, 44)],
    16: [(utc(2026, 10, 1, 10), 2)],
    17: [(OCT_1, "Clouds", 6, 50, 50)],
    18: [
        ("Clouds", 51, "Project", 2, 19),
        ("Clouds", 50, "Intro", 1, 10),
        ("Clouds again", 60, "Intro", 1, 5),
        (None, None, None, 1, 1),
    ],
    19: [("Clouds", 8, 39, 20.5), ("Clouds again", 0, 5, 0)],
    20: [("Clouds again", 6, OCT_2, 2)],
    21: [(SEP, Decimal("7.5"), 15, Decimal("-7.5")), (OCT, 12, 25, -13)],
    22: [("aws_cost", SEP_30, "missing"), ("lab_sessions", OCT_3, "failed")],
    23: [("Cloud", 5, 5), ("VM", 2, 1.5), ("Container", 1, 0.5)],
    24: [
        ("User Ended Lab", 4, 50),
        ("Session Timer Expires", 2, 25),
        ("Instructor Ended Lab", 1, 12.5),
        ("Start Failed", 1, 12.5),
    ],
    25: [("CS", 39), ("EE", 5), ("no label", 1)],
}


def fill_runaway(connection: duckdb.DuckDBPyConnection) -> None:
    """Six students who spend a dollar a day each, but for 50 of one of them on the last day."""
    put(connection, "raw.course_mapping", {"course_id": 5, "course_name": "Clouds"})
    put(connection, "raw.asn_mapping", {"course_id": 5, "assignment_id": 50, "part_id": 7})
    for user in range(1, 7):
        put(
            connection,
            "raw.enrollment",
            {"userid": user, "courseid": 5, "role": "student", "dropped": False},
        )
        for n, day in enumerate(DAYS[:4], 1):
            cost = 53 if (user, day) == (6, OCT_1) else n
            series = {"aws_account_id": f"{user:012d}", "user_id": user, "part_id": 7}
            put(connection, "raw.aws_cost", {**series, "file_date": day, "cost": cost})


FILLED = {17: fill_runaway}
"""What to fill a warehouse of its own with, for questions that the organisation has no answer
to."""


@pytest.fixture(scope="module")
def organisation_of_seven(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(tmp_path_factory.mktemp("questions") / "warehouse.duckdb") as connection:
        fill(connection)
        build_all(connection)
        yield connection


def test_every_question_has_an_answer_here() -> None:
    assert QUERIES.keys() == ANSWERS.keys() == set(range(1, 26))
    assert len(re.findall(r"^## ", PAGE, re.MULTILINE)) == len(QUERIES), (
        "a question without a query, or a number twice"
    )


@pytest.mark.parametrize("number", ANSWERS)
def test_the_query_of_a_question_answers_it(
    organisation_of_seven: duckdb.DuckDBPyConnection, tmp_path: Path, number: int
) -> None:
    if number in FILLED:
        with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
            FILLED[number](connection)
            build_all(connection)
            rows = connection.execute(QUERIES[number]).fetchall()
    else:
        rows = organisation_of_seven.execute(QUERIES[number]).fetchall()
    assert rows == ANSWERS[number]


@pytest.mark.parametrize("number", ANSWERS)
def test_a_query_is_short_and_asks_marts_alone(number: int) -> None:
    query = QUERIES[number].strip()
    assert len(query.splitlines()) <= MOST_LINES
    read = tables_read(parse_query(f"question {number}", query.removesuffix(";")))
    assert read and all(table.startswith("marts.") for table in read), read
