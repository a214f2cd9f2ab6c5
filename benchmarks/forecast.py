"""`python -m benchmarks.forecast`: measure the forecast's error and its band over simulated
organisations.

Runs the SQL of marts.spend_forecast as of each day, without later days, and compares its forecast
of the next ten days with the actual spend. Writes FORECAST.md next to this module.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean

import duckdb

from analytics_pipeline.demo.organisation import OrganisationSpec
from analytics_pipeline.demo.organisation.world import simulate
from analytics_pipeline.sql_models import load_project

AHEAD = 10
FIRST_ORIGIN = 28
"""Days of history before the first forecast."""
SHIFT = Decimal("1.8")

MODEL = load_project().models["marts.spend_forecast"]

Spend = Mapping[date, Decimal]


@dataclass(frozen=True)
class Measured:
    """The results for one organisation.

    Attributes:
        origins: number of days with a forecast.
        error: mean absolute error, in percent of the actual spend.
        last_day: the same for a forecast that repeats the last day.
        last_week: the same for a forecast that repeats the mean of the last seven days.
        covered: share of bands that include the actual spend, in percent.
        banded: number of forecasts with a band.
    """

    name: str
    origins: int
    error: float
    last_day: float
    last_week: float
    covered: float
    banded: int


def organisations(days: int) -> Iterator[tuple[str, Spend]]:
    """Yield six organisations: three like the demo's, one of them five days later, a small one,
    and one whose spend shifts in the middle.
    """
    for seed in (7, 11, 23):
        yield f"300 students, seed {seed}", _daily(OrganisationSpec(days=days, seed=seed))
    later = OrganisationSpec(days=days, last_day=OrganisationSpec.last_day + timedelta(days=5))
    yield f"300 students, seed {later.seed}, five days later", _daily(later)
    yield "60 students", _daily(OrganisationSpec(days=days, students=60, courses=3, seed=5))
    steady = _daily(OrganisationSpec(days=days, seed=31))
    middle = min(steady) + timedelta(days=days // 2)
    yield (
        "level shifts",
        {day: cost * SHIFT if day >= middle else cost for day, cost in steady.items()},
    )


def _daily(spec: OrganisationSpec) -> Spend:
    spent: dict[date, Decimal] = defaultdict(Decimal)
    for series in simulate(spec).spends.values():
        for day, cost in series.items():
            spent[day] += cost
    return {day: spent[day] for day in spec.all_days()}


def measure(name: str, spend: Spend) -> Measured:
    """Forecast as of each day that has a history and ten later days."""
    days, held = sorted(spend), list[bool]()
    errors, last_day, last_week = list[float](), list[float](), list[float]()
    for origin in days[FIRST_ORIGIN : -AHEAD or None]:
        came = float(sum(spend[origin + timedelta(days=n)] for n in range(1, AHEAD + 1)))
        expected, low, high = _forecast({day: cost for day, cost in spend.items() if day <= origin})
        week = float(sum(spend[origin - timedelta(days=n)] for n in range(7))) / 7
        errors.append(abs(expected - came) / came)
        last_day.append(abs(float(spend[origin]) * AHEAD - came) / came)
        last_week.append(abs(week * AHEAD - came) / came)
        if low is not None and high is not None:
            held.append(low <= came <= high)
    covered = 100 * mean(held) if held else 0.0
    percents = [100 * mean(found) for found in (errors, last_day, last_week)]
    return Measured(name, len(errors), *percents, covered, len(held))


def _forecast(known: Spend) -> tuple[float, float | None, float | None]:
    """Return the model's forecast of the ten days after the last day, as a budget of these days."""
    origin = max(known)
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA staging; CREATE SCHEMA marts")
        connection.execute(
            "CREATE TABLE staging.scope_spend_days (scope TEXT, scope_id TEXT, day DATE, until"
            " DATE, cost DECIMAL(38, 9))"
        )
        connection.executemany(
            "INSERT INTO staging.scope_spend_days"
            " VALUES ('organisation', 'organisation', ?, NULL, ?)",
            list(known.items()),
        )
        connection.execute(
            "CREATE TABLE marts.spend_calendar AS SELECT day, true AS is_complete, max(day) OVER ()"
            " AS as_of FROM staging.scope_spend_days"
        )
        connection.execute(
            "CREATE TABLE staging.scope_courses (scope TEXT, scope_id TEXT, course_id BIGINT)"
        )
        connection.execute(
            "CREATE TABLE marts.course_terms (course_id BIGINT, starts_on DATE, ends_on DATE,"
            " end_is_known BOOLEAN)"
        )
        connection.execute(
            "CREATE TABLE staging.budget_periods (scope TEXT, scope_id TEXT, starts_on DATE,"
            " ends_on DATE)"
        )
        connection.execute(
            "INSERT INTO staging.budget_periods VALUES ('organisation', 'organisation', ?, ?)",
            [origin, origin + timedelta(days=AHEAD)],
        )
        row = connection.execute(
            f"SELECT expected, forecast_low - spent, forecast_high - spent FROM ({MODEL.sql}) WHERE"
            " horizon = 'budget end'"
        ).fetchone()
    assert row is not None
    expected, low, high = (None if value is None else float(value) for value in row)
    assert expected is not None
    return expected, low, high


def table(measured: list[Measured], days: int) -> str:
    """Return the results as Markdown."""
    rows = [
        f"| {found.name} | {found.origins} | {found.error:.1f} % | {found.last_day:.1f} % |"
        f" {found.last_week:.1f} % | {found.covered:.0f} % of {found.banded} |"
        for found in measured
    ]
    return "\n".join(
        [
            "# Accuracy of the forecast",
            "",
            (
                f"Made by `python -m benchmarks.forecast --days {days}`: compares"
                f" marts.spend_forecast, as of each day, with the actual spend of the next {AHEAD}"
                " days. The error is the mean absolute error, in percent of the actual spend. Two"
                " naive forecasts serve as a reference: repeat the last day, or the mean of the"
                " last seven days. The band should hold in 80 % of cases."
            ),
            "",
            (
                "| organisation | forecasts | error | error of last day | error of last week | band"
                " held |"
            ),
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=200, help="simulated days of each organisation")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("FORECAST.md"))
    given = parser.parse_args()
    measured = [measure(name, spend) for name, spend in organisations(given.days)]
    given.output.write_text(table(measured, given.days))
    sys.stdout.write(given.output.read_text())


if __name__ == "__main__":
    main()
