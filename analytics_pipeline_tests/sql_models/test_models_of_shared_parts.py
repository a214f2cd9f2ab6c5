"""The course of spend and sessions on a part that several courses share, or no mapping knows."""

from datetime import datetime
from decimal import Decimal

import pytest

from analytics_pipeline.sql_models import run_test
from analytics_pipeline_tests.support.model_warehouse import PROJECT, aws, build_all, put, utc
from analytics_pipeline_tests.support.spend_rows import SERVICE, Connection, day, spend

LAB = {"user_id": 1, "part_id": 7, "file_date": day(1), "launch_time": utc(2026, 10, 1, 9)}
PERSON = {"userid": 1, "role": "student"}


def test_spend_of_a_part_that_no_mapping_knows_stays_and_totals_tie(warehouse: Connection) -> None:
    put(warehouse, "raw.aws_cost", aws(day(1), "0.1"), aws(day(1), "0.2", part=8))
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    assert spend(warehouse, "part_id, course_id, assignment_id") == [(7, 5, 6), (8, None, None)]
    by_course = warehouse.execute(
        "SELECT course_id, spend FROM marts.course_summary ORDER BY course_id"
    ).fetchall()
    assert by_course == [(5, Decimal("0.1")), (None, Decimal("0.2"))]


def test_spend_of_a_part_that_left_the_mapping_stays_in_its_last_course(
    warehouse: Connection,
) -> None:
    """Deleting a course from the mapping must not take its spend out of its budget."""
    put(warehouse, "raw.aws_cost", *(aws(day(1), "0.1", part=part) for part in (7, 8)))
    part = {"assignment_id": 6, "assignment_name": "Lab", "part_id": 7}
    first = {"valid_from": utc(2026, 9, 1), "valid_to": utc(2026, 9, 10)}
    last = {"valid_from": utc(2026, 9, 10), "valid_to": utc(2026, 9, 20)}
    put(warehouse, "history.asn_mapping", part | first | {"course_id": 4})
    put(warehouse, "history.asn_mapping", part | last | {"course_id": 5})
    put(warehouse, "history.asn_mapping", part | last | {"course_id": 5, "part_id": 8})
    put(warehouse, "raw.asn_mapping", part | {"course_id": 9, "part_id": 8})
    assert spend(warehouse, "part_id, course_id, assignment_id, assignment_name") == [
        (7, 5, 6, "Lab"),
        (8, 9, 6, "Lab"),
    ]
    courses = warehouse.execute("SELECT course_id, spend FROM marts.course_summary ORDER BY ALL")
    assert courses.fetchall() == [(5, Decimal("0.1")), (9, Decimal("0.1"))]


SEPTEMBER, NOVEMBER = utc(2026, 9, 1), utc(2026, 11, 1)
"""The first file of the mapping, and the one that no longer lists a course."""


def listed(
    course: int, since: datetime = SEPTEMBER, until: datetime | None = None, part: int = 7
) -> tuple[str, dict[str, object]]:
    """Return a row of the mapping's history."""
    where = {"course_id": course, "assignment_id": course * 10, "part_id": part}
    return "history.asn_mapping", where | {"valid_from": since, "valid_to": until}


def now(course: int, part: int = 7) -> tuple[str, dict[str, object]]:
    """Return a row of the mapping."""
    return "raw.asn_mapping", {"course_id": course, "assignment_id": course * 10, "part_id": part}


@pytest.mark.first_forms(2)
@pytest.mark.parametrize(
    ("mapping", "courses"),
    [
        ([now(5), listed(5), listed(9, until=NOVEMBER)], (5, 9)),
        ([now(5), listed(5, since=NOVEMBER), listed(9, until=NOVEMBER)], (5,)),
        ([now(5), listed(5), listed(9, until=NOVEMBER), now(9, part=8)], (5,)),
        (
            [
                *(now(5), listed(5), listed(9, until=utc(2026, 10, 1))),
                listed(9, until=NOVEMBER, part=8),
            ],
            (5,),
        ),
        ([listed(5, until=NOVEMBER), listed(9, until=utc(2026, 10, 1))], (5, 9)),
        ([listed(5, until=NOVEMBER), listed(9, until=NOVEMBER)], (5, 9)),
        (
            [
                *(now(5), listed(5), listed(9, until=utc(2026, 10, 1))),
                *(now(9), listed(9, since=NOVEMBER)),
            ],
            (5, 9),
        ),
    ],
    ids=[
        "a sharing course is deleted",
        "the part moves to another course",
        "a course gives up the part",
        "a course gives up the part, and is deleted later",
        "both are deleted, one after the other",
        "both are deleted at once",
        "a course is deleted, and comes back",
    ],
)
def test_a_deleted_course_still_shares_its_parts(
    warehouse: Connection,
    mapping: list[tuple[str, dict[str, object]]],
    courses: tuple[int, ...],
) -> None:
    """Otherwise the spend in it moves to the other course, and exceeds that one's budget."""
    for table, row in mapping:
        put(warehouse, table, row)
    put(warehouse, "raw.enrollment", *(PERSON | {"userid": c, "courseid": c} for c in (5, 9)))
    put(warehouse, "raw.aws_cost", *(aws(day(1), 1, user=user) for user in (5, 9)))
    expected = [(5, 5), (9, 9)] if courses == (5, 9) else [(5, 5), (9, 5)]
    assert spend(warehouse, "user_id, course_id") == expected
    rows = warehouse.execute(
        "SELECT course_id, assignment_id FROM staging.part_mappings WHERE part_id = 7 ORDER BY ALL"
    )
    assert rows.fetchall() == [(course, course * 10) for course in courses]


def shared_part(connection: Connection, *courses: int) -> None:
    """Map part 7 to several courses, with a different assignment in each."""
    put(
        connection,
        "raw.asn_mapping",
        *({"course_id": c, "assignment_id": c * 10, "part_id": 7} for c in courses),
    )


@pytest.mark.first_forms(4)
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
                ("raw.enrollment", PERSON | {"courseid": 9}),
                ("raw.enrollment", PERSON | {"courseid": 5, "dropped": True}),
            ],
            9,
        ),
        ([("raw.enrollment", PERSON | {"courseid": 5, "dropped": True})], 5),
        (
            [
                ("raw.enrollment", PERSON | {"courseid": 9, "dropped": True}),
                ("raw.enrollment", PERSON | {"courseid": 5, "dropped": True}),
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
            "dropped one of both",
            "dropped the only one",
            "dropped both",
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
