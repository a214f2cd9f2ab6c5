"""An organisation of seven people, small enough to count by hand, and one whose student spends
far more than usual.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb

from analytics_pipeline_tests.support.model_warehouse import Row, put, utc

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
