"""An organisation with every oddity, and its budgets and forecasts recomputed in plain Python."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec

ODD = Organisation(OrganisationSpec(days=75, students=60, courses=3, oddities=True))
"""Every oddity, in an organisation with two months of history."""


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
        "organisation": {
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


def expected_spend(courses: set[int | None], ends_on: date) -> float:
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
