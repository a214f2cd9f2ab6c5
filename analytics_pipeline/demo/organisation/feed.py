"""The bucket's tables as of a day, before flaws are planted and before they become bytes.

Decides which file exists when, under which key and with which rows. world.py simulates the events.
"""

from collections.abc import Iterator
from datetime import date

from analytics_pipeline.demo.organisation.costs import aws_cost, azure_cost, service_spend
from analytics_pipeline.demo.organisation.people import enrollment_rows, grade_rows, works
from analytics_pipeline.demo.organisation.sessions import Session
from analytics_pipeline.demo.organisation.table import Table, table
from analytics_pipeline.demo.organisation.world import World, key


def tables(world: World, as_of: date) -> dict[str, Table]:
    """Return the CSV of every dataset by key, after the night of `as_of`."""
    daily = [*_lab_sessions(world, as_of), *aws_cost(world, as_of), *azure_cost(world, as_of)]
    return dict(
        [*daily, *service_spend(world, as_of), *_mappings(world, as_of), *_snapshots(world, as_of)]
    )


def delivered_sessions(world: World, as_of: date) -> list[Session]:
    """Return the delivered sessions."""
    return [session for session in world.sessions if session.delivered_on <= as_of]


def _lab_sessions(world: World, as_of: date) -> Iterator[tuple[str, Table]]:
    """Yield one file per day with sessions.

    A day without sessions has a file only as a planted oddity.
    """
    by_day: dict[date, list[Session]] = {}
    for session in delivered_sessions(world, as_of):
        by_day.setdefault(session.day, []).append(session)
    if world.spec.flaws and world.calendar.header_only <= as_of:
        by_day[world.calendar.header_only] = []
    overnight: list[Session] = []
    for day, today in sorted(by_day.items()):
        again = [s for s in overnight if s.end and s.end.date() == day] if today else []
        yield (
            key(world.spec, "lab_sessions/lab_sessions", day),
            table("lab_sessions", (s.row() for s in again + today)),
        )
        overnight = [s for s in today if world.spec.midnight_in_both_files]


def _mappings(world: World, as_of: date) -> Iterator[tuple[str, Table]]:
    org = world.spec.org_id
    courses = [course for course in world.campus.courses if course.created_on <= as_of]
    rows = (
        (
            org,
            "Example Org, Inc.",
            course.course_id,
            course.name,
            course.create_method,
            course.parent_course_id,
        )
        for course in courses
    )
    yield f"org{org}/course-asn_mapping/course_mapping.csv", table("course_mapping", rows)
    parts = (
        part
        for course in courses
        for part in course.parts
        if part.mapped and part.created_on <= as_of
    )
    asn_rows = (
        (
            org,
            p.course_id,
            p.assignment_id,
            p.assignment_name,
            p.part_id,
            p.name,
            p.parent_assignment_id,
            p.parent_part_id,
        )
        for p in parts
    )
    yield (
        f"org{org}/course-asn_mapping/asn_mapping.csv",
        table("asn_mapping", [*asn_rows, *_shared(world, as_of)]),
    )


def _shared(world: World, as_of: date) -> Iterator[tuple[object, ...]]:
    """Map the first part to the first clone too: a clone by reference may keep its parts."""
    original, clone = world.campus.courses[:2]
    if clone.created_on <= as_of:
        p = original.parts[0]
        yield (
            world.spec.org_id,
            clone.course_id,
            p.assignment_id,
            p.assignment_name,
            p.part_id,
            p.name,
            None,
            None,
        )


def _snapshots(world: World, as_of: date) -> Iterator[tuple[str, Table]]:
    root, spec, campus = f"org{world.spec.org_id}", world.spec, world.campus
    for course in campus.courses:
        if course.archived or course.created_on > as_of:
            continue
        extra = ("submission", "submission_time") if course.submissions else ()
        grades = grade_rows(course, list(works(spec, campus, course, as_of)))
        yield f"{root}/grades/course{course.course_id}/grades.csv", table("grades", grades, extra)
        people = enrollment_rows(spec, campus, course, as_of)
        yield (
            f"{root}/enrollment/course{course.course_id}/enrollment.csv",
            table("enrollment", people),
        )
