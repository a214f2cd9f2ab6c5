"""Days, weeks and months of an organisation, against the simulation's truth."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.organisation.truth import SessionTruth
from analytics_pipeline_tests.support.model_warehouse import found

Connection = duckdb.DuckDBPyConnection
DAY = timedelta(days=1)
CENT_FRACTION = Decimal("0.000001")


def monday(day: date) -> date:
    return day - day.weekday() * DAY


def spread(organisation: Organisation) -> Iterable[tuple[date, str, int | None, Decimal]]:
    """Return the observable spend of each day: day, provider, course, dollars; without opening
    balances.
    """
    for spend in organisation.truth.observable_daily_spend:
        for n in range(0 if spend.is_opening_balance else spend.days_covered):
            yield (
                spend.spend_date - n * DAY,
                spend.provider,
                spend.course_id,
                spend.cost / spend.days_covered,
            )


def grouped(
    organisation: Organisation, key: Callable[[SessionTruth], object]
) -> dict[object, list[SessionTruth]]:
    groups: dict[object, list[SessionTruth]] = defaultdict(list)
    for session in organisation.truth.sessions:
        groups[key(session)].append(session)
    return groups


def students(organisation: Organisation) -> set[tuple[int, int]]:
    """Return the students of each course, by the enrollment of the last night."""
    members = organisation.truth.members.items()
    return {where for where, member in members if member.role == "student" and member.is_listed}


def active(sessions: Iterable[SessionTruth], among: set[tuple[int, int]] | None = None) -> set[int]:
    started = (s for s in sessions if not s.failed)
    return {s.user_id for s in started if among is None or (s.user_id, s.course_id) in among}


def hours(sessions: Iterable[SessionTruth]) -> float:
    return sum(s.seconds for s in sessions) / 3600


def test_each_day_of_the_organisation_matches_the_truth(
    built: Connection, organisation: Organisation
) -> None:
    by_day = grouped(organisation, lambda session: session.day)
    spent: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for day, provider, _, cost in spread(organisation):
        spent[day, provider] += cost
    rows = {row["day"]: row for row in found(built, "FROM marts.organisation_daily")}
    spec = organisation.spec
    assert sorted(rows) == [spec.first_day + n * DAY for n in range(len(rows))], "a day is missing"  # type: ignore[type-var]
    for day, row in rows.items():
        sessions = by_day.get(day, [])
        assert (row["sessions"], row["failed_launches"]) == (
            len(sessions),
            sum(s.failed for s in sessions),
        ), day
        assert row["active_users"] == len(active(sessions)), day
        assert float(str(row["hours"])) == pytest.approx(hours(sessions), abs=1e-4), day
        for provider in ("aws", "azure"):
            assert abs(row[f"{provider}_spend"] - spent[day, provider]) < CENT_FRACTION, (
                day,
                provider,
            )  # type: ignore[operator]
    whole = set(rows) - {
        spec.first_day
    }  # nobody knows when AWS accumulated the first file's values
    for name in (
        "lab_sessions/lab_sessions_",
        "cloud_spend/aws_cost_",
        "cloud_spend/azure/azure_cost_",
    ):
        keys = [key for key in organisation.files() if key.startswith(f"org{spec.org_id}/{name}")]
        there = {date.fromisoformat(key[-14:-4]) for key in keys}
        whole -= {day for day in rows if min(there) <= day and day not in there}  # type: ignore[operator]
    assert (
        {day for day, row in rows.items() if row["is_complete"]}
        == whole
        != rows.keys() - {spec.first_day}
    )


def test_each_week_of_a_course_matches_the_truth(
    built: Connection, organisation: Organisation
) -> None:
    by_week = grouped(organisation, lambda s: (monday(s.day), s.course_id))
    by_week |= grouped(organisation, lambda s: (monday(s.day), None))
    rows = {
        (row["week"], row["course_id"]): row for row in found(built, "FROM marts.activity_weekly")
    }
    assert rows.keys() == by_week.keys()
    for key, sessions in by_week.items():
        row, failures = rows[key], sum(s.failed for s in sessions)
        assert (row["launches"], row["failures"]) == (len(sessions), failures), key
        assert float(str(row["failure_rate"])) == pytest.approx(
            failures / len(sessions), abs=1e-6
        ), key
        assert row["active_students"] == len(active(sessions, students(organisation))), key
        assert row["active_users"] == len(active(sessions)), key
        assert float(str(row["hours"])) == pytest.approx(hours(sessions), abs=1e-4), key
    of_organisation = [row for (_, course), row in rows.items() if course is None]
    assert any(row["active_users"] != row["active_students"] for row in of_organisation), (
        "no staff, so this proves little"
    )
    assert {row["days_loaded"] for row in of_organisation} == {6, 7}


def test_each_month_of_a_course_matches_the_truth(
    built: Connection, organisation: Organisation
) -> None:
    by_month = grouped(organisation, lambda s: (s.day.replace(day=1), s.course_id))
    spent: dict[tuple[date, str, int | None], Decimal] = defaultdict(Decimal)
    for day, provider, course, cost in spread(organisation):
        spent[day.replace(day=1), provider, course] += cost
    rows = {
        (row["month"], row["course_id"]): row for row in found(built, "FROM marts.course_months")
    }
    assert rows.keys() >= by_month.keys()
    for key, row in rows.items():
        for provider in ("aws", "azure"):
            assert (
                abs(row[f"{provider}_spend"] - spent[key[0], provider, key[1]]) < CENT_FRACTION
            ), key  # type: ignore[operator, index]
        sessions = by_month.get(key, [])
        people = active(sessions, students(organisation))
        own = hours(s for s in sessions if s.user_id in people)
        assert (row["sessions"], row["active_students"]) == (len(sessions), len(people)), key
        assert float(str(row["active_student_hours"])) == pytest.approx(own, abs=1e-4), key
        cost = sum((c for m, c in _costs_of(organisation, key, people) if m == key[0]), Decimal(0))
        assert abs(row["active_student_spend"] - cost) < CENT_FRACTION, key  # type: ignore[operator]
        ratios = (cost / len(people), cost / Decimal(own)) if people else (None, None)
        for name, ratio in zip(("spend_per_active_student", "spend_per_hour"), ratios, strict=True):
            assert (ratio is None and row[name] is None) or abs(
                row[name] - ratio
            ) < 2 * CENT_FRACTION, (key, name)  # type: ignore[operator]
    assert sum(str(row["course_id"]) == "None" for row in rows.values()), (
        "all spend has a course, so this proves little"
    )


def _costs_of(
    organisation: Organisation, key: object, people: set[int]
) -> Iterable[tuple[date, Decimal]]:
    """Return the months and dollars that these people spent in a course."""
    _, course = key  # type: ignore[misc]
    for spend in organisation.truth.observable_daily_spend:
        if spend.course_id == course and spend.user_id in people and not spend.is_opening_balance:
            for n in range(spend.days_covered):
                yield (spend.spend_date - n * DAY).replace(day=1), spend.cost / spend.days_covered
