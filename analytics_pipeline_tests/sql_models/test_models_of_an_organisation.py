"""The marts against the truth of a simulated organisation, which is computed without SQL."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    broken,
    build_all,
    found,
    land,
    load,
)

SPEND = """SELECT spend_date, provider, aws_account_id, user_id, part_id, course_id, cost,
           days_covered, is_reset, is_first,
                  is_opening_balance, fall
           FROM marts.daily_cloud_spend"""


def _expected(organisation: Organisation) -> Counter[tuple[object, ...]]:
    columns = (
        "spend_date",
        "provider",
        "aws_account_id",
        "user_id",
        "part_id",
        "course_id",
        "cost",
    )
    seen = (*columns, "days_covered", "is_reset", "is_first", "is_opening_balance", "fall")
    return Counter(
        tuple(getattr(spend, column) for column in seen)
        for spend in organisation.truth.observable_daily_spend
    )


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(OrganisationSpec.small(), id="small"),
        pytest.param(
            OrganisationSpec.small(
                aws_restarts_monthly=True, midnight_in_both_files=True, padded=False
            ),
            id="restarts monthly",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            OrganisationSpec.small(azure=False, flaws=False, seed=11),
            id="no azure",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            OrganisationSpec(days=130, students=40, seed=3),
            id="over five months",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_daily_spend_is_exact_and_every_invariant_holds(
    spec: OrganisationSpec, tmp_path: Path
) -> None:
    organisation = Organisation(spec)
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        load(connection, land(tmp_path, organisation.files()))
        build_all(connection)
        assert Counter(connection.execute(SPEND).fetchall()) == _expected(organisation)
        assert broken(connection) == []


def test_each_amount_equals_the_true_spend_of_the_days_it_covers(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    """Against the true spend, not only the observable one; through restarts, missing days and month
    ends.
    """
    truth: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for s in organisation.truth.daily_spend:
        truth[s.provider, s.aws_account_id, s.user_id, s.part_id, s.course_id, s.spend_date] += (
            s.cost
        )
    rows = built.execute(
        """SELECT provider, aws_account_id, user_id, part_id, course_id, spend_date, days_covered,
           cost
           FROM marts.daily_cloud_spend
           WHERE fall IS DISTINCT FROM 'dip'  -- the next value tells what a dip's days cost"""
    ).fetchall()
    for *series, day, covered, cost in rows:
        days = [day - timedelta(days=n) for n in range(covered)]
        assert cost == sum((truth[*series, spend_day] for spend_day in days), Decimal(0)), (
            series,
            day,
            covered,
        )
    assert sum(row[-1] for row in rows) == sum(truth.values()), "some spend is in no row"


def test_a_reused_account_starts_at_zero_for_its_next_user(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    shared = found(
        built,
        """SELECT aws_account_id, count(DISTINCT user_id) AS users FROM marts.daily_cloud_spend
           WHERE provider = 'aws' GROUP BY aws_account_id HAVING users > 1""",
    )
    assert shared, "the organisation recycles no account, so this test would prove nothing"
    assert built.execute(
        "SELECT count(*) FROM marts.daily_cloud_spend WHERE is_reset AND is_first"
    ).fetchone() == (0,)


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


def test_service_spend_differs_only_where_the_vendor_reports_more(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    """Over all months, as undelivered days move spend from one month to the next."""
    gap = organisation.truth.service_difference
    assert gap
    true: dict[str, Decimal] = defaultdict(Decimal)
    for s in organisation.truth.daily_spend:
        if s.provider == "aws":
            true[str(s.aws_account_id)] += s.cost
    true[gap.aws_account_id] += gap.amount
    totals = built.execute(
        "SELECT aws_account_id, sum(service_total) FROM marts.spend_reconciliation GROUP BY ALL"
    ).fetchall()
    planted = organisation.truth.planted
    assert planted, "the organisation plants broken rows"
    assert {account: total for account, total in totals if total != true[account]} == {}


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


def test_idle_spend_is_the_spend_without_a_session(
    built: duckdb.DuckDBPyConnection, organisation: Organisation
) -> None:
    running = set()
    for user, part, start, end in built.execute(
        "SELECT user_id, part_id, session_date, coalesce(end_time::DATE, session_date) FROM"
        " marts.lab_sessions"
    ).fetchall():
        running |= {
            (user, part, start + timedelta(days=n)) for n in range(max((end - start).days, 0) + 1)
        }
    first = built.execute(
        "SELECT min(spend_date) FROM marts.daily_cloud_spend WHERE provider = 'aws'"
    ).fetchone()
    prefix = f"org{organisation.spec.org_id}/lab_sessions/lab_sessions_"
    with_sessions = {
        date.fromisoformat(key.removeprefix(prefix)[:10])
        for key in organisation.files()
        if key.startswith(prefix)
    }
    expected = Decimal(0)
    for s in organisation.truth.observable_daily_spend:
        days = [s.spend_date - timedelta(days=n) for n in range(s.days_covered)]
        known = (s.provider != "aws" or (s.spend_date,) != first) and with_sessions.issuperset(days)
        if known and not any((s.user_id, s.part_id, day) in running for day in days):
            expected += s.cost
    assert built.execute("SELECT sum(cost) FROM marts.idle_spend").fetchone() == (expected,)
    assert expected > 0


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
