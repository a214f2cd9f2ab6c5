"""Scores, roles, rosters and clones, on hand-written rows."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, found, put, utc

Connection = duckdb.DuckDBPyConnection


def grade(
    user: int = 1, assignment: int = 6, score: object = 8, **more: object
) -> dict[str, object]:
    """A row of raw.grades."""
    given = {"asnscore": score, "maxscore": 10, "courseid": 5, "rubricid": 1, "isoverride": False}
    return {"userid": user, "asnid": assignment, **given, **more}


def member(user: int, role: str = "student", dropped: bool | None = False) -> dict[str, object]:
    """A row of raw.enrollment, of course 5."""
    return {"userid": user, "courseid": 5, "role": role, "dropped": dropped}


def test_a_score_is_counted_once_whatever_the_number_of_rubrics(warehouse: Connection) -> None:
    put(warehouse, "raw.grades", *(grade(rubricid=n, rubricscore=2) for n in range(4)))
    put(warehouse, "raw.grades", grade(user=2, partnerid=1, isoverride=True, score=11))
    build_all(warehouse)
    columns = (
        "user_id, submission, score, max_score, percent, is_override, partner_id, rubrics, counts"
    )
    rows = found(warehouse, f"SELECT {columns} FROM marts.assignment_scores ORDER BY user_id")
    assert [tuple(row.values()) for row in rows] == [
        (1, None, Decimal(8), Decimal(10), Decimal(80), False, None, 4, True),
        (2, None, Decimal(11), Decimal(10), Decimal(110), True, 1, 1, True),
    ]


def test_the_last_graded_submission_counts(warehouse: Connection) -> None:
    scores = {1: 9, 2: 5, 3: None}
    put(
        warehouse,
        "raw.grades",
        *(grade(score=score, submission=number) for number, score in scores.items()),
    )
    build_all(warehouse)
    assert warehouse.execute(
        "SELECT submission FROM marts.assignment_scores WHERE counts"
    ).fetchall() == [(2,)]
    assert warehouse.execute(
        "SELECT score, percent FROM marts.student_course_summary"
    ).fetchall() == [(5, 50)]


def test_the_same_assignment_id_in_two_courses_is_two_assignments(warehouse: Connection) -> None:
    put(warehouse, "raw.grades", grade(score=4), grade(score=9, courseid=8, maxscore=20))
    build_all(warehouse)
    columns = "course_id, assignment_id, score, max_score, counts"
    rows = warehouse.execute(
        f"SELECT {columns} FROM marts.assignment_scores ORDER BY ALL"
    ).fetchall()
    assert rows == [(5, 6, Decimal(4), Decimal(10), True), (8, 6, Decimal(9), Decimal(20), True)]
    summary = warehouse.execute(
        "SELECT course_id, score, percent FROM marts.student_course_summary ORDER BY ALL"
    )
    assert summary.fetchall() == [(5, 4, 40), (8, 9, 45)]


def test_conflicting_rows_of_a_submission_yield_one_complete_row(warehouse: Connection) -> None:
    low = grade(
        score=3, maxscore=20, isoverride=True, partnerid=2, submission_time=utc(2026, 10, 1)
    )
    high = grade(
        score=8, maxscore=10, isoverride=False, partnerid=3, submission_time=utc(2026, 10, 1)
    )
    put(warehouse, "raw.grades", low, high, grade(score=None, submission_time=utc(2026, 10, 9)))
    build_all(warehouse)
    columns = "score, max_score, percent, is_override, day(submitted_at), partner_id, partners"
    rows = warehouse.execute(f"SELECT {columns} FROM marts.assignment_scores").fetchall()
    assert rows == [(8, 10, 80, False, 1, None, 2)]


def test_a_course_with_several_parents_is_a_root(warehouse: Connection) -> None:
    parents = [(1, None), (2, None), (3, 1), (3, 2), (4, None), (4, 2)]
    put(
        warehouse,
        "raw.course_mapping",
        *({"course_id": c, "parent_course_id": p} for c, p in parents),
    )
    build_all(warehouse)
    columns = "course_id, parent_course_id, root_course_id, has_several_parents"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.course_lineage ORDER BY 1"
    ).fetchall() == [
        (1, None, 1, False),
        (2, None, 2, False),
        (3, None, 3, True),
        (4, 2, 2, False),
    ]


def test_staff_and_dropped_people_are_not_students_of_the_course(warehouse: Connection) -> None:
    put(
        warehouse,
        "raw.enrollment",
        member(1),
        member(2, "Student"),
        member(3, "ta"),
        member(4, dropped=True),
        member(5),
    )
    for user in (1, 3):
        put(
            warehouse,
            "raw.lab_sessions",
            {
                "user_id": user,
                "part_id": 7,
                "course_id": 5,
                "file_date": utc(2026, 10, 1),
                "start_time": utc(2026, 10, 1),
            },
        )
        cost = {
            "aws_account_id": str(user),
            "user_id": user,
            "part_id": 7,
            "cost": 3,
            "file_date": utc(2026, 10, 1),
        }
        put(warehouse, "raw.aws_cost", cost)
    put(warehouse, "raw.asn_mapping", {"course_id": 5, "assignment_id": 6, "part_id": 7})
    build_all(warehouse)
    (course,) = found(warehouse, "SELECT * FROM marts.course_summary")
    expected = {
        "students": 3,
        "dropped_students": 1,
        "active_students": 1,
        "students_never_launched": 2,
        "staff": 1,
    }
    assert {name: course[name] for name in expected} == expected
    assert (course["spend"], course["student_spend"], course["spend_per_active_student"]) == (
        6,
        3,
        3,
    )
    never = warehouse.execute(
        "SELECT user_id FROM marts.student_course_summary WHERE never_launched ORDER BY 1"
    )
    assert never.fetchall() == [(2,), (4,), (5,)]


def test_a_user_listed_twice_in_a_course_is_staff_if_either_row_is(warehouse: Connection) -> None:
    put(warehouse, "raw.enrollment", member(1), member(1, "teacher"))
    build_all(warehouse)
    assert warehouse.execute(
        "SELECT user_id, role FROM marts.student_course_summary"
    ).fetchall() == [(1, "teacher")]


def test_a_row_without_a_role_hides_no_student(warehouse: Connection) -> None:
    for table in ("raw.enrollment", "history.enrollment"):
        since = {"valid_from": utc(2026, 10, 1)} if table.startswith("history") else {}
        put(warehouse, table, {**member(1), "role": None, **since}, {**member(1), **since})
    build_all(warehouse)
    assert warehouse.execute("SELECT students, staff FROM marts.course_summary").fetchall() == [
        (1, 0)
    ]
    assert warehouse.execute("SELECT role FROM marts.roster_changes").fetchall() == [("student",)]


def test_points_without_a_maximum_are_in_no_percentage(warehouse: Connection) -> None:
    put(warehouse, "raw.grades", grade(), grade(assignment=7, score=50, maxscore=None))
    build_all(warehouse)
    rows = warehouse.execute(
        "SELECT score, max_score, percent FROM marts.student_course_summary"
    ).fetchall()
    assert rows == [(58, 10, 80)]


def test_a_session_without_end_and_launch_was_seen_when_it_started(warehouse: Connection) -> None:
    session = {"user_id": 1, "part_id": 7, "course_id": 5, "file_date": utc(2026, 10, 1)}
    put(warehouse, "raw.lab_sessions", {**session, "start_time": utc(2026, 10, 1, 9)})
    build_all(warehouse)
    for mart in ("student_course_summary", "course_summary"):
        assert warehouse.execute(f"SELECT last_seen FROM marts.{mart}").fetchall() == [
            (utc(2026, 10, 1, 9),)
        ]


def test_roster_changes_show_who_joined_left_and_changed_and_when(warehouse: Connection) -> None:
    first, second, third, fourth = (utc(2026, 10, n, 3) for n in (1, 2, 3, 4))

    def held(since: datetime, until: datetime | None, user: int, **more: object) -> None:
        put(
            warehouse,
            "history.enrollment",
            {**member(user), "valid_from": since, "valid_to": until, **more},
        )

    held(first, second, 1, name="a")
    held(second, third, 1, name="b")  # another name does not change the roster
    held(third, None, 1, name="b", role="ta")
    held(second, third, 2)
    held(fourth, None, 2)
    held(first, None, 3)
    build_all(warehouse)
    columns = "user_id, day(changed_at), change, role_before, role"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.roster_changes ORDER BY user_id, changed_at"
    ).fetchall() == [
        (1, 1, "first seen", None, "student"),
        (1, 3, "changed", "student", "ta"),
        (2, 2, "joined", None, "student"),
        (2, 3, "left", "student", None),
        (2, 4, "returned", None, "student"),
        (3, 1, "first seen", None, "student"),
    ]


def test_clones_are_followed_to_parents_outside_and_circles_end(warehouse: Connection) -> None:
    parents = {1: None, 2: 1, 3: 2, 4: 999, 5: 4, 6: 7, 7: 6, 8: 6, 9: 9}
    put(
        warehouse,
        "raw.course_mapping",
        *({"course_id": c, "parent_course_id": p} for c, p in parents.items()),
    )
    build_all(warehouse)
    columns = "course_id, root_course_id, root_in_organisation_id, depth"
    assert warehouse.execute(
        f"SELECT {columns} FROM marts.course_lineage ORDER BY 1"
    ).fetchall() == [
        (1, 1, 1, 0),
        (2, 1, 1, 1),
        (3, 1, 1, 2),
        (4, 999, 4, 1),  # outside the organisation: only its id is known
        (5, 999, 4, 2),
        (6, None, None, None),
        (7, None, None, None),
        (8, None, None, None),
        (9, None, None, None),  # its own parent
    ]
    circular = warehouse.execute(
        "SELECT course_id FROM marts.course_lineage WHERE is_circular ORDER BY 1"
    ).fetchall()
    assert circular == [(6,), (7,), (8,), (9,)]


def chain(connection: Connection, copies: int) -> None:
    """Deliver a part that was copied, the copy again, and so on."""
    connection.execute(
        """INSERT INTO raw.asn_mapping BY NAME
           SELECT i AS part_id, 1 AS course_id, 1 AS assignment_id, CASE WHEN i > 1
             THEN i - 1 END AS parent_part_id
           FROM range(1, ? + 1) AS t(i)""",
        [copies],
    )


def rows_touched(connection: Connection, model: str, profile: Path) -> int:
    """The rows that all operators together give while a model is computed: its work, whatever the
    machine.
    """
    connection.execute("PRAGMA enable_profiling = 'json'")
    connection.execute(
        """PRAGMA custom_profiling_settings = '{"CUMULATIVE_CARDINALITY": "true"}'"""
    )
    connection.execute(f"PRAGMA profile_output = '{profile}'")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE computed AS {PROJECT.models[model].sql}")
    connection.execute("PRAGMA disable_profiling")
    return int(json.loads(profile.read_text())["cumulative_cardinality"])


def test_the_work_of_following_a_chain_is_linear(warehouse: Connection, tmp_path: Path) -> None:
    """Not a hundred times, which a hundred thousand copies would turn into hours."""
    chain(warehouse, 1_000)
    build_all(warehouse)
    short = rows_touched(warehouse, "marts.part_lineage", tmp_path / "short.json")
    warehouse.execute("DELETE FROM raw.asn_mapping")
    chain(warehouse, 10_000)
    long = rows_touched(warehouse, "marts.part_lineage", tmp_path / "long.json")
    assert 1_000 < short < long < 11 * short


def test_a_chain_of_a_hundred_thousand_copies_is_followed_to_its_root(
    warehouse: Connection,
) -> None:
    chain(warehouse, 100_000)
    build_all(warehouse)
    assert warehouse.execute(
        "SELECT min(root_part_id), max(root_part_id), max(depth), bool_or(is_circular) FROM"
        " marts.part_lineage"
    ).fetchone() == (1, 1, 99_999, False)
