"""Compute the Truth about sessions, spend, courses and scores as of a day.

truth.py defines the values; this module fills them from the simulation.
"""

from collections.abc import Callable, Iterator
from datetime import date

from analytics_pipeline.demo.organisation.campus import Course
from analytics_pipeline.demo.organisation.costs import billed, delivered_aws, delivered_azure
from analytics_pipeline.demo.organisation.feed import delivered_sessions
from analytics_pipeline.demo.organisation.observe import observe
from analytics_pipeline.demo.organisation.people import works
from analytics_pipeline.demo.organisation.truth import (
    DailySpend,
    MemberTruth,
    ObservableSpend,
    Score,
    SessionTotal,
    SessionTruth,
)
from analytics_pipeline.demo.organisation.world import World, key


def daily_spend(world: World, as_of: date) -> Iterator[DailySpend]:
    """Yield the true spend up to the end of that day, series by series."""
    course_of = _course_of(world, as_of)
    for series, days in world.spends.items():
        account = series.aws_account_id or None
        for day, cost in days.items():
            if day <= as_of:
                course = course_of(series.part_id)
                yield DailySpend(
                    day, series.provider, account, series.user_id, series.part_id, course, cost
                )


def observable_spend(world: World, as_of: date) -> Iterator[ObservableSpend]:
    """Yield the part of the spend that the delivered files reveal."""
    for reports in (delivered_aws(world, as_of), delivered_azure(world, as_of)):
        yield from observe(
            reports,
            _course_of(world, as_of),
            billed(world, as_of),
            restarts_monthly=world.spec.aws_restarts_monthly,
        )


def _course_of(world: World, as_of: date) -> Callable[[int], int | None]:
    mapped = {
        p.part_id: p.course_id for p in world.parts.values() if p.mapped and p.created_on <= as_of
    }
    return mapped.get


def sessions(world: World, as_of: date) -> Iterator[SessionTruth]:
    """Yield the delivered sessions."""
    for s in delivered_sessions(world, as_of):
        yield SessionTruth(
            key=key(world.spec, "lab_sessions/lab_sessions", s.day),
            day=s.day,
            user_id=s.member.person.user_id,
            role=s.member.role(s.day),
            course_id=s.part.course_id,
            part_id=s.part.part_id,
            lab_type=s.lab_type,
            seconds=s.seconds,
            failed=s.start is None,
        )


def totals(happened: tuple[SessionTruth, ...]) -> dict[tuple[int, date], SessionTotal]:
    """Return the number and minutes of sessions by course and day."""
    sums: dict[tuple[int, date], tuple[int, int]] = {}
    for session in happened:
        count, seconds = sums.get((session.course_id, session.day), (0, 0))
        sums[session.course_id, session.day] = count + 1, seconds + session.seconds
    return {where: SessionTotal(count, seconds / 60) for where, (count, seconds) in sums.items()}


def never_seen(world: World, as_of: date, happened: tuple[SessionTruth, ...]) -> frozenset[int]:
    """Return the listed students, dropped ones included, without a delivered session."""
    return frozenset(_students(world, as_of) - {session.user_id for session in happened})


def failed_only(world: World, as_of: date, happened: tuple[SessionTruth, ...]) -> frozenset[int]:
    """Return the listed students, dropped ones included, with failed launches only."""
    seen = {session.user_id for session in happened}
    return frozenset(
        _students(world, as_of)
        & seen - {session.user_id for session in happened if not session.failed}
    )


def _students(world: World, as_of: date) -> set[int]:
    return {
        m.person.user_id
        for m in world.campus.memberships
        if m.listed(as_of) and m.role(as_of) == "student"
    }


def members(world: World, as_of: date) -> dict[tuple[int, int], MemberTruth]:
    """Return everybody whom any night's enrollment listed up to that day."""
    truths = {}
    for m in world.campus.memberships:
        listed = [day for day in world.spec.all_days() if day <= as_of and m.listed(day)]
        if listed:
            dropped = m.dropped_on is not None and m.dropped_on <= listed[-1]
            truths[m.person.user_id, m.course.course_id] = MemberTruth(
                m.role(listed[-1]), listed[-1] == as_of, dropped
            )
    return truths


def lineage(world: World, as_of: date) -> tuple[dict[int, tuple[int, ...]], dict[int, int | None]]:
    """Return each course's ancestors, and its root: the last ancestor inside the organisation."""
    courses = {
        course.course_id: course for course in world.campus.courses if course.created_on <= as_of
    }
    lines = {course: _line(courses, course) for course in courses}
    return lines, {course: _root(courses, line) for course, line in lines.items()}


def _line(courses: dict[int, Course], course_id: int) -> tuple[int, ...]:
    line = [course_id]
    while (
        line[-1] in courses
        and (parent := courses[line[-1]].parent_course_id)
        and parent not in line
    ):
        line.append(parent)
    return tuple(line)


def _root(courses: dict[int, Course], line: tuple[int, ...]) -> int | None:
    inside = [course for course in line if course in courses]
    in_cycle = inside == list(line) and courses[line[-1]].parent_course_id in line
    return None if in_cycle else inside[-1]


def scores(world: World, as_of: date) -> Iterator[tuple[tuple[int, int, int, int | None], Score]]:
    """Yield the score of each submission once, however many rubrics it has."""
    roles = {
        (m.course.course_id, m.person.user_id): m.role(as_of) for m in world.campus.memberships
    }
    for course in world.campus.courses:
        if not course.archived and course.created_on <= as_of:
            for work in works(world.spec, world.campus, course, as_of):
                role = roles[work.course_id, work.user_id]
                where = (work.course_id, work.assignment_id, work.user_id, work.submission)
                yield where, Score(work.score, work.is_override, role)
