"""Budgets and forecasts of an organisation with oddities, against its truth."""

from decimal import Decimal

import duckdb
import pytest

from analytics_pipeline.demo.organisation.by_hand import TERM
from analytics_pipeline_tests.support.model_warehouse import found
from analytics_pipeline_tests.support.odd_organisation import (
    ODD,
    complete_days,
    courses_of,
    expected_spend,
    spent,
)


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
        forecast = expected_spend(courses, row["ends_on"])  # type: ignore[arg-type]
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
