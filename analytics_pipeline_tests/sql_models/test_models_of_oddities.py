"""What an organisation's oddities do to its marts: a runaway student, a credit, half a file."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

import duckdb
import pytest

from analytics_pipeline.demo.organisation.oddities import (
    AFTER_DROP_USD,
    CREDIT_USD,
    RUNAWAY_USD,
    oddities,
)
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.parameters import Parameters, set_parameters
from analytics_pipeline_tests.support.daily_spend import DAILY_SPEND, expected_daily_spend
from analytics_pipeline_tests.support.model_warehouse import PROJECT, broken, build_all, land, load
from analytics_pipeline_tests.support.odd_organisation import ODD


def test_every_invariant_holds_of_the_oddities(odd: duckdb.DuckDBPyConnection) -> None:
    assert broken(odd) == []


def test_only_the_runaway_student_is_an_anomaly(odd: duckdb.DuckDBPyConnection) -> None:
    costs: dict[tuple[int, int, date], Decimal] = defaultdict(Decimal)
    whole: dict[tuple[int, int, date], bool] = defaultdict(lambda: True)
    for spend in ODD.truth.observable_daily_spend:
        if spend.course_id is not None and spend.cost:
            place = (spend.course_id, spend.user_id, spend.spend_date)
            costs[place] += spend.cost
            whole[place] &= (
                spend.days_covered == 1 and not spend.is_reset and not spend.is_opening_balance
            )
    students = {who for who, member in ODD.truth.members.items() if member.role == "student"}
    anomalies = set()
    for (course, user, day), cost in costs.items():
        before = [
            other
            for (c, u, d), other in costs.items()
            if c == course
            and 1 <= (day - d).days <= 28
            and whole[c, u, d]
            and other > 0
            and (u, c) in students
        ]
        if (
            whole[course, user, day]
            and cost >= 5
            and len(before) >= 5
            and cost >= 10 * median(before)
        ):
            anomalies.add((course, user, day, cost))
    rows = odd.execute("SELECT course_id, user_id, day, cost FROM marts.spend_anomalies").fetchall()
    assert set(rows) == anomalies
    runaway = oddities(ODD.spec, ODD._world.campus).runaway
    assert runaway is not None
    assert {user for _, user, _, _ in rows} == {runaway.person.user_id}
    assert all(cost >= RUNAWAY_USD for *_, cost in rows)
    assert (
        len(odd.execute("SELECT DISTINCT episode_starts_on FROM marts.spend_anomalies").fetchall())
        == 1
    )


def test_a_higher_floor_excludes_cheaper_days(odd: duckdb.DuckDBPyConnection) -> None:
    model = PROJECT.models["marts.spend_anomalies"].sql
    set_parameters(odd, Parameters(RUNAWAY_USD * 2))
    try:
        assert odd.execute(f"SELECT count(*) FROM ({model})").fetchone() == (0,)
    finally:
        odd.execute("DELETE FROM ops.parameters")


@pytest.mark.thorough
def test_a_student_who_spends_after_dropping_is_listed(
    odd: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """The drop must be seen to happen: the enrollment of an earlier day is loaded first."""
    gone = oddities(ODD.spec, ODD._world.campus).gone
    assert gone is not None and gone.dropped_on is not None
    early = gone.dropped_on - timedelta(days=1)
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        for as_of in (early, ODD.spec.last_day - timedelta(days=6), ODD.spec.last_day):
            folder = tmp_path / str(as_of)
            folder.mkdir()
            written = datetime.combine(as_of + timedelta(days=1), time(3), UTC)
            load(connection, land(folder, ODD.files(as_of), written))
        build_all(connection)
        rows = connection.execute(
            """SELECT user_id, course_id, sum(spend_after_drop) FROM marts.student_spend_watch
               WHERE is_still_spending AND spend_after_drop >= 1 GROUP BY ALL"""
        ).fetchall()
    assert [(user, course) for user, course, _ in rows] == [
        (gone.person.user_id, gone.course.course_id)
    ]
    assert rows[0][2] >= 4 * AFTER_DROP_USD


def test_daily_spend_is_exact_through_credit_correction_and_half_a_file(
    odd: duckdb.DuckDBPyConnection,
) -> None:
    day = oddities(ODD.spec, ODD._world.campus).half_delivered
    assert day is not None
    rows = dict(odd.execute("SELECT file_date, count(*) FROM raw.aws_cost GROUP BY ALL").fetchall())
    assert rows[day] * 2 <= rows[day - timedelta(days=1)], (
        "the file is whole, so this test would prove nothing"
    )
    assert odd.execute(
        "SELECT count(*) FROM marts.daily_cloud_spend WHERE fall = 'correction'"
    ).fetchone() != (0,)
    assert Counter(odd.execute(DAILY_SPEND).fetchall()) == expected_daily_spend(ODD)


def test_the_roster_is_shorter_and_some_only_failed(odd: duckdb.DuckDBPyConnection) -> None:
    left = {who for who, member in ODD.truth.members.items() if not member.is_listed}
    assert len(left) >= 10
    sql = (
        "SELECT user_id, course_id FROM marts.student_course_summary WHERE NOT is_enrolled AND"
        " dropped IS NOT TRUE AND role IS NOT NULL"
    )
    assert set(odd.execute(sql).fetchall()) <= left
    failed = odd.execute(
        "SELECT DISTINCT user_id FROM marts.student_course_summary WHERE is_failed_only"
    ).fetchall()
    assert ODD.truth.failed_only <= {user for (user,) in failed} and ODD.truth.failed_only


def test_a_credit_is_part_of_the_spend(odd: duckdb.DuckDBPyConnection) -> None:
    assert odd.execute("SELECT min(cost) FROM marts.daily_cloud_spend").fetchone() == (CREDIT_USD,)
