"""Run the simulation: everything that happens in the organisation.

feed.py and costs.py decide what is delivered by a given day.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics_pipeline.demo.organisation.campus import Campus, Part, Person, build_campus
from analytics_pipeline.demo.organisation.sessions import Session, simulate_sessions
from analytics_pipeline.demo.organisation.spec import Calendar, OrganisationSpec
from analytics_pipeline.demo.organisation.spend import DailySpends, Reports, report, simulate_spend
from analytics_pipeline.demo.organisation.truth import ServiceDifference


@dataclass(frozen=True)
class World:
    """The simulated organisation; `left` holds drop days, `difference` an excessive bill."""

    spec: OrganisationSpec
    calendar: Calendar
    campus: Campus
    parts: dict[int, Part]
    people: dict[int, Person]
    left: dict[int, date]
    sessions: list[Session]
    spends: DailySpends
    aws: Reports
    azure: Reports
    difference: ServiceDifference | None


def simulate(spec: OrganisationSpec) -> World:
    """Simulate the organisation from the first day to the last."""
    campus = build_campus(spec)
    sessions = simulate_sessions(spec, campus)
    spends = simulate_spend(spec, campus, sessions)
    return World(
        spec=spec,
        calendar=Calendar(spec),
        campus=campus,
        parts={part.part_id: part for course in campus.courses for part in course.parts},
        people={member.person.user_id: member.person for member in campus.memberships},
        left={
            member.person.user_id: member.dropped_on
            for member in campus.memberships
            if member.dropped_on
        },
        sessions=sessions,
        spends=spends,
        aws=report(spec, campus, spends, "aws"),
        azure=report(spec, campus, spends, "azure"),
        difference=_difference(spec, spends),
    )


def key(spec: OrganisationSpec, prefix: str, day: date, monthly: bool = False) -> str:
    """Return a daily or monthly key, such as org9001/service_spend/service_spend_2026-11.csv."""
    text = day.isoformat() if spec.padded else f"{day.year}-{day.month}-{day.day}"
    return f"org{spec.org_id}/{prefix}_{text.rpartition('-')[0] if monthly else text}.csv"


def _difference(spec: OrganisationSpec, spends: DailySpends) -> ServiceDifference | None:
    """Overbill the first account that spends in the last month by a little."""
    opening = Calendar(spec).month_opening
    aws = (
        (day, series) for series, days in spends.items() if series.provider == "aws" for day in days
    )
    first = min((found for found in aws if found[0] >= opening), default=None)
    if not first:
        return None
    day, series = first
    return ServiceDifference(
        opening.replace(day=1), series.aws_account_id, Decimal("1.234567"), since=day
    )
