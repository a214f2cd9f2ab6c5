"""The organisation's hand-written files: budgets and course labels.

Actual spend is in `spend.py`.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal

from analytics_pipeline.demo.organisation.world import World

TERM = "this term"
_DEPARTMENTS = ("Computing", "Sciences")
_CENTS = Decimal("0.01")
_BUDGETS = "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat"
_LABELS = "course_id,department,term,starts_on,ends_on"


def term_end(world: World) -> date:
    """Return the last day of the term, four weeks after the simulation."""
    return world.spec.last_day + timedelta(days=28)


def files(world: World) -> dict[str, bytes]:
    """Return both files, by key below `org{org}/`.

    They were written in advance, so they do not depend on the day.
    """
    return {
        "by_hand/budgets.csv": "\n".join([_BUDGETS, *_budgets(world), ""]).encode(),
        "by_hand/course_labels.csv": "\n".join([_LABELS, *_labels(world), ""]).encode(),
    }


def _labels(world: World) -> Iterator[str]:
    """Yield a label for each course with people, except the last one."""
    courses = [course for course in world.campus.courses if not course.archived]
    for n, course in enumerate(courses[:-1]):
        yield (
            f"{course.course_id},{_DEPARTMENTS[n % 2]},{TERM},"
            f"{world.spec.first_day},{term_end(world)}"
        )


def _budgets(world: World) -> Iterator[str]:
    """Yield a budget per scope: the first course is over its budget, the organisation below."""
    first, last, end = world.spec.first_day, world.spec.last_day, term_end(world)
    course = world.campus.courses[0].course_id
    yield f"organisation,,All labs,{first},{end},{_spent(world) * 3},USD,50;80;100,,none"
    yield (
        f"course,{course},First"
        f" course,{first},{last},{_spent(world, course) / 2:.2f},USD,50;80;100,,none"
    )
    yield (
        f"root_course,{course},First course and"
        f" clones,{first},,{_spent(world, course)},USD,80;100,,monthly"
    )
    department = _DEPARTMENTS[1]
    yield f"department,{department},{department},{first},{end},{_spent(world)},USD,,,none"
    yield (
        f"term,{TERM},The"
        f" term,{first},{end},{_spent(world) * 2},USD,,{_spent(world, course) / 10:.2f},none"
    )


def _spent(world: World, course_id: int | None = None) -> Decimal:
    """Return a course's (or all) true spend, rounded up to cents; at least ten cents."""
    spent = (
        sum(days.values(), Decimal(0))
        for series, days in world.spends.items()
        if course_id in (None, world.parts[series.part_id].course_id)
    )
    return max(sum(spent, Decimal(0)), _CENTS * 10).quantize(_CENTS, ROUND_UP)
