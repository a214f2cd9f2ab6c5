"""Budgets, forecasts and anomalies of a simulated organisation, against its truth, recomputed in
plain Python.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from statistics import mean, median

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec
from analytics_pipeline.demo.organisation.by_hand import TERM
from analytics_pipeline.demo.organisation.oddities import (
    AFTER_DROP_USD,
    CREDIT_USD,
    RUNAWAY_USD,
    oddities,
)
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.parameters import Parameters, set_parameters
from analytics_pipeline_tests.sql_models.test_models_of_an_organisation import SPEND
from analytics_pipeline_tests.sql_models.test_models_of_an_organisation import (
    _expected as expected_spend,
)
from analytics_pipeline_tests.support.model_warehouse import (
    PROJECT,
    broken,
    build_all,
    found,
    land,
    load,
)

ODD = Organisation(OrganisationSpec(days=75, students=60, courses=3, oddities=True))
"""Every oddity, in an organisation with two months of history."""
SCOPE_ALL = "organisation"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("odd")
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        load(connection, land(folder, ODD.files() | ODD.hand_written()))
        build_all(connection)
        yield connection


def spend_days() -> dict[int | None, dict[date, Decimal]]:
    """By course and day, each value spread evenly over the days that it covers; without opening
    balances.
    """
    totals: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for spend in ODD.truth.observable_daily_spend:
        if not spend.is_opening_balance:
            totals[spend.course_id, spend.provider, spend.spend_date, spend.days_covered] += (
                spend.cost
            )
    days: dict[int | None, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (course, _, last, covered), total in totals.items():
        share = (total / covered).quantize(Decimal("1e-9"), ROUND_HALF_UP)
        for before in range(covered):
            cost = total - share * (covered - 1) if before == 0 else share
            days[course][last - timedelta(days=before)] += cost  # type: ignore[index, operator]
    return days


def complete_days() -> list[date]:
    """Days of which both providers' files are delivered; the first AWS file tells of no day."""
    days: dict[str, set[date]] = defaultdict(set)
    for key in ODD.truth.records:
        for provider in ("aws_cost", "azure_cost"):
            if f"/{provider}_" in key:
                days[provider].add(date.fromisoformat(key.rpartition("_")[2].removesuffix(".csv")))
    first = {provider: min(found) for provider, found in days.items()}
    return [
        day
        for day in ODD.spec.all_days()
        if day in days["aws_cost"] and day > first["aws_cost"]
        if day in days["azure_cost"] or day < first["azure_cost"]
    ]


def courses_of(scope: str, id_: str) -> set[int | None]:
    courses: dict[str, set[int | None]] = {
        SCOPE_ALL: {
            None,
            *ODD.truth.root_course,
            *(s.course_id for s in ODD.truth.observable_daily_spend),
        },
        "course": {int(id_)} if id_.isdigit() else set(),
        "root_course": {
            course
            for course, line in ODD.truth.lineage.items()
            if str(line[-1]) == id_ and ODD.truth.root_course[course] is not None
        },
    }
    for line in ODD.hand_written()["org9001/by_hand/course_labels.csv"].decode().splitlines()[1:]:
        course, department, term, *_ = line.split(",")
        courses.setdefault("department", set()).update(
            {int(course)} if department == id_ else set()
        )
        courses.setdefault("term", set()).update({int(course)} if term == id_ else set())
    return courses[scope]


def spent(courses: set[int | None], first: date, last: date) -> Decimal:
    days = spend_days()
    return sum(
        (cost for c in courses for day, cost in days[c].items() if first <= day <= last), Decimal(0)
    )


def expected(courses: set[int | None], ends_on: date) -> float:
    """The mean of the run rate of seven days and the weekday's mean of eight weeks, day by day."""
    days, complete = spend_days(), complete_days()
    daily: dict[date, Decimal] = defaultdict(Decimal)
    for course in courses:
        for day, cost in days[course].items():
            daily[day] += cost
    as_of, first = complete[-1], min(daily)
    known = [day for day in complete if day >= first]
    week = [float(daily[day]) for day in known if day > as_of - timedelta(days=7)]
    total = 0.0
    for n in range((ends_on - as_of).days):
        day = as_of + timedelta(days=n + 1)
        weekday = [
            d for d in known if d.weekday() == day.weekday() and d > as_of - timedelta(days=56)
        ]
        total += (
            mean(week) + (mean(float(daily[d]) for d in weekday) if weekday else mean(week))
        ) / 2
    return total


def test_every_invariant_holds_of_the_oddities(odd: duckdb.DuckDBPyConnection) -> None:
    assert broken(odd) == []


def test_every_budget_has_spent_what_its_courses_truly_spent(
    odd: duckdb.DuckDBPyConnection,
) -> None:
    rows = found(odd, "SELECT * FROM marts.budget_status")
    assert {str(row["scope"]) for row in rows} == {
        "organisation",
        "course",
        "root_course",
        "department",
        "term",
    }
    for row in rows:
        courses = courses_of(str(row["scope"]), str(row["scope_id"]))
        first, last = row["starts_on"], min(row["ends_on"], ODD.spec.last_day)  # type: ignore[type-var]
        assert row["spent"] == pytest.approx(spent(courses, first, last), abs=Decimal("1e-6")), row  # type: ignore[arg-type]
        assert (row["forecast"] is None) == (row["state"] in ("ended", "ended over")), (
            "only periods under way have a forecast"
        )
        percent = row["spent"] * 100 / row["amount"]  # type: ignore[operator]
        assert row["alerts_reached"] == [at for at in row["alert_at"] if percent >= at]  # type: ignore[attr-defined]
        assert row["spend_without_course"] == pytest.approx(
            spent({None}, first, last), abs=Decimal("1e-6")
        )  # type: ignore[arg-type]


def test_the_first_course_is_over_its_budget_since_the_day_on_which_half_was_spent(
    odd: duckdb.DuckDBPyConnection,
) -> None:
    (row,) = found(odd, "SELECT * FROM marts.budget_status WHERE budget = 'First course'")
    course = courses_of("course", str(row["scope_id"]))
    reached = next(
        day
        for day in ODD.spec.all_days()
        if spent(course, ODD.spec.first_day, day) >= row["amount"]  # type: ignore[operator]
    )
    assert (row["exhausted_on"], row["is_exhausted_by_forecast"]) == (reached, False)
    assert row["state"] in ("over", "ended over")


def test_every_forecast_is_the_mean_of_run_rate_and_weekday(odd: duckdb.DuckDBPyConnection) -> None:
    rows = found(odd, "SELECT * FROM marts.spend_forecast")
    as_of = complete_days()[-1]
    assert {row["horizon"] for row in rows} == {"month end", "term end", "budget end"}
    assert {row["as_of"] for row in rows} == {as_of}
    for row in rows:
        courses = courses_of(str(row["scope"]), str(row["scope_id"]))
        forecast = expected(courses, row["ends_on"])  # type: ignore[arg-type]
        assert float(row["expected"]) == pytest.approx(forecast, abs=1e-4), row  # type: ignore[arg-type]
        assert row["spent"] == pytest.approx(
            spent(courses, row["starts_on"], as_of), abs=Decimal("1e-6")
        )  # type: ignore[arg-type]
    (term,) = (
        row
        for row in rows
        if (row["scope"], row["scope_id"], row["horizon"]) == ("term", TERM, "term end")
    )
    assert term["origins"]


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
    assert Counter(odd.execute(SPEND).fetchall()) == expected_spend(ODD)


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
