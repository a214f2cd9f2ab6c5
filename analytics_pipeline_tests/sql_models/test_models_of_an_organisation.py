"""The marts of sessions, people, scores and files against the truth of a simulated organisation,
which is computed without SQL.
"""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import PROJECT, build_all, land, load


def test_sessions_by_course_and_day_equal_the_true_ones(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    rows = built.execute(
        "SELECT course_id, session_date, count(*), coalesce(sum(minutes), 0) FROM"
        " marts.lab_sessions GROUP BY ALL"
    ).fetchall()
    truth = organisation.truth.sessions_by_course_day
    assert {(course, day): count for course, day, count, _ in rows} == {
        key: total.count for key, total in truth.items()
    }
    for course, day, _, minutes in rows:
        assert float(minutes) == pytest.approx(truth[course, day].minutes, abs=1e-3), (course, day)
    failed = sum(1 for session in organisation.truth.sessions if session.failed)
    assert built.execute(
        "SELECT count(*) FROM marts.lab_sessions WHERE NOT succeeded"
    ).fetchone() == (failed,)


@pytest.mark.thorough
def test_a_session_over_midnight_in_two_files_is_one_session(tmp_path: Path) -> None:
    organisation = Organisation(OrganisationSpec(days=40, students=60, midnight_in_both_files=True))
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        load(connection, land(tmp_path, organisation.files()))
        build_all(connection)
        delivered = connection.execute("SELECT count(*) FROM raw.lab_sessions").fetchone()
        kept = connection.execute("SELECT count(*) FROM marts.lab_sessions").fetchone()
    assert delivered and kept
    assert kept[0] == len(organisation.truth.sessions) < delivered[0]


def test_students_never_seen_have_no_session(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    never = built.execute("""SELECT user_id FROM marts.student_course_summary
           GROUP BY user_id HAVING bool_or(is_student) AND sum(sessions) = 0""").fetchall()
    assert {user for (user,) in never} == organisation.truth.never_seen
    staff = built.execute(
        "SELECT count(*) FROM marts.student_course_summary WHERE NOT is_student AND never_launched"
    )
    assert staff.fetchone() == (0,), "staff must not be told to be students who never came"


def test_students_whose_launches_all_failed_are_counted_separately(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    failed = built.execute(
        """SELECT user_id FROM marts.student_course_summary
           GROUP BY user_id HAVING bool_or(is_student) AND bool_or(is_failed_only)
           AND NOT bool_or(is_active)"""
    ).fetchall()
    assert {user for (user,) in failed} == organisation.truth.failed_only != set()


def test_each_submission_has_one_score(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    rows = built.execute(
        "SELECT course_id, assignment_id, user_id, submission, score, is_override FROM"
        " marts.assignment_scores"
    ).fetchall()
    truth = {
        key: (score.points, score.is_override) for key, score in organisation.truth.scores.items()
    }
    assert {row[:4]: row[4:] for row in rows} == truth
    assert len(rows) == len(truth)


def test_roots_of_courses_are_the_last_ancestors_in_the_organisation(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    rows = built.execute(
        "SELECT course_id, root_in_organisation_id, depth, is_circular FROM marts.course_lineage"
    ).fetchall()
    assert {course: root for course, root, _, _ in rows} == organisation.truth.root_course
    for course, _, depth, is_circular in rows:
        line = organisation.truth.lineage[course]
        assert is_circular == (organisation.truth.root_course[course] is None), course
        assert depth == (None if is_circular else len(line) - 1), (course, line)


def test_completeness_names_the_days_that_were_not_delivered(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    spec = organisation.spec
    absent = built.execute(
        "SELECT period FROM marts.data_completeness WHERE dataset = 'aws_cost' AND NOT delivered"
    ).fetchall()
    prefix = f"org{spec.org_id}/cloud_spend/aws_cost_"
    there = {
        key.removeprefix(prefix).removesuffix(".csv")
        for key in organisation.files()
        if key.startswith(prefix)
    }
    span = [
        day
        for day in spec.all_days()
        if date.fromisoformat(min(there)) <= day <= date.fromisoformat(max(there))
    ]
    assert {day for (day,) in absent} == {day for day in span if day.isoformat() not in there}
    assert absent


def test_no_mart_holds_an_email_a_persons_name_or_log_text(
    built: duckdb.DuckDBPyConnection,
) -> None:
    for model in PROJECT.models.values():
        texts = [
            column
            for column, kind in built.execute(
                f"SELECT column_name, column_type FROM (DESCRIBE {model.qualified})"
            ).fetchall()
            if kind == "VARCHAR"
        ]
        for column in texts:
            leaks = built.execute(
                f"SELECT count(*) FROM {model.qualified} WHERE \"{column}\" LIKE '%@%' OR"
                f" \"{column}\" LIKE '%successful%'"
            ).fetchone()
            assert leaks == (0,), f"{model.qualified}.{column}"
    reasons = {
        reason
        for (reason,) in built.execute(
            "SELECT DISTINCT end_reason FROM marts.lab_sessions"
        ).fetchall()
    }
    assert reasons <= {
        "Session Timer Expires",
        "User Ended Lab",
        "Instructor Ended Lab",
        "Start Failed",
        "other",
        None,
    }
    assert "other" in reasons, (
        "the organisation's logs quote people, so this test would prove nothing"
    )
