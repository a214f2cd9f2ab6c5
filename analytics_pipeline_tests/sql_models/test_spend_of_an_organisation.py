"""The marts of spend against the truth of a simulated organisation, computed without SQL."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.daily_spend import DAILY_SPEND, expected_daily_spend
from analytics_pipeline_tests.support.model_warehouse import broken, build_all, found, land, load


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
        assert Counter(connection.execute(DAILY_SPEND).fetchall()) == expected_daily_spend(
            organisation
        )
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
