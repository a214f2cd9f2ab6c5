"""Rows of the nightly snapshots about people in courses: enrollment and grades, as of a day.

campus.py defines the people; spend.py simulates the cost of labs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby

from analytics_pipeline.demo.organisation.campus import Campus, Course, Membership, Part
from analytics_pipeline.demo.organisation.dice import Dice
from analytics_pipeline.demo.organisation.spec import OrganisationSpec

_RUBRICS = (("Score", 5), ("Style, comments", 5))  # name and maximum points
_OVERRIDE_DELAY = timedelta(days=3)


@dataclass(frozen=True)
class Work:
    """One submission of an assignment, as of a day.

    `score` and the points are None until it is graded.
    """

    course_id: int
    assignment_id: int
    user_id: int
    submission: int | None  # None in courses that do not number submissions
    submitted: datetime
    partner_id: int | None
    grader_id: int | None
    score: Decimal | None  # points for the whole assignment; if overridden not the sum of its parts
    is_override: bool
    points: dict[tuple[int, int], Decimal | None]  # by part id and index of the rubric


def enrollment_rows(
    spec: OrganisationSpec, campus: Campus, course: Course, as_of: date
) -> Iterator[tuple[object, ...]]:
    """Yield a course's enrollment after the night of `as_of`: dropped people stay, some vanish."""
    for member in campus.memberships:
        if member.course != course or not member.listed(as_of):
            continue
        dice, who = Dice(spec.seed, "client", member.person.user_id), member.person
        agreed = dice.chance(0.7)
        key = dice.pick(("demokey", "demokey", "lms key, 2", None))
        agreed_at = datetime.combine(member.joined_on, time(), UTC) + timedelta(
            seconds=dice.below(80_000)
        )
        yield (
            *(who.user_id, course.course_id, member.role(as_of), who.name, who.email, key),
            f"{dice.below(10**7):07d}" if key else None,
            member.dropped_on is not None and member.dropped_on <= as_of,
            agreed if agreed or dice.chance(0.5) else None,
            agreed_at if agreed else None,
        )


def works(spec: OrganisationSpec, campus: Campus, course: Course, as_of: date) -> Iterator[Work]:
    """Yield all submissions in the course by the end of `as_of`; staff occasionally submit too."""
    members = [m for m in campus.memberships if m.course == course and m.joined_on <= as_of]
    partners = _partners(members)
    teacher = next(m.person.user_id for m in members if m.first_role == "teacher")
    for _, group in groupby((p for p in course.parts if p.mapped), lambda part: part.assignment_id):
        parts = list(group)
        for member in members:
            user = member.person.user_id
            partner = partners.get(user) if parts[0].team else None
            dice = Dice(spec.seed, "work", parts[0].assignment_id, min(user, partner or user))
            for work in _submissions(spec, member, parts, partner, teacher, dice):
                if work.submitted.date() <= as_of:
                    yield _graded(spec, work, as_of)


def grade_rows(course: Course, submitted: list[Work]) -> Iterator[tuple[object, ...]]:
    """Yield one row per submission, part and rubric; assignment and part scores repeat on each."""
    parts = {part.part_id: part for part in course.parts}
    for work in submitted:
        best = Decimal(sum(_RUBRICS[rubric][1] for _, rubric in work.points))
        for (part_id, rubric), points in work.points.items():
            part, all_points = (
                parts[part_id],
                [p for (of, _), p in work.points.items() if of == part_id],
            )
            graded = [p for p in all_points if p is not None]
            row: tuple[object, ...] = (
                *(
                    course.course_id,
                    course.name,
                    work.assignment_id,
                    part.assignment_name,
                    False,
                    best,
                ),
                *(work.user_id, work.partner_id, work.score, work.is_override, part_id, part.name),
                sum(graded, Decimal(0)) if graded else None,
                *(part_id * 10 + rubric, _RUBRICS[rubric][0], points, work.grader_id),
            )
            yield (*row, work.submission, work.submitted) if course.submissions else row


def _partners(members: list[Membership]) -> dict[int, int]:
    """Pair the students of the first day into teams of two, in the order of their ids."""
    students = [
        m.person.user_id
        for m in members
        if m.first_role == "student" and m.joined_on == m.course.created_on
    ]
    pairs = list(zip(students[::2], students[1::2], strict=False))
    return dict(pairs) | {second: first for first, second in pairs}


def _submissions(
    spec: OrganisationSpec,
    member: Membership,
    parts: list[Part],
    partner: int | None,
    teacher: int,
    dice: Dice,
) -> Iterator[Work]:
    """Yield the member's ungraded submissions over the whole simulation."""
    if dice.chance(0.1 if member.first_role == "student" else 0.7):
        return
    opened = max(parts[0].created_on, member.joined_on)
    at = datetime.combine(opened, time(), UTC) + timedelta(seconds=dice.below(spec.days * 60_000))
    for n in range(dice.between(1, 3) if member.course.submissions else 1):
        if member.dropped_on and at.date() >= member.dropped_on:
            return
        yield Work(
            course_id=member.course.course_id,
            assignment_id=parts[0].assignment_id,
            user_id=member.person.user_id,
            submission=n + 1 if member.course.submissions else None,
            submitted=at,
            partner_id=partner,
            grader_id=teacher,
            score=None,
            is_override=False,
            points={
                (part.part_id, rubric): None for part in parts for rubric in range(len(_RUBRICS))
            },
        )
        at += timedelta(seconds=dice.between(3_600, 200_000))


def _graded(spec: OrganisationSpec, work: Work, as_of: date) -> Work:
    """Return the scores as of `as_of`: none, the rubrics' sum, or later a teacher's override."""
    team = min(work.user_id, work.partner_id or work.user_id)
    dice = Dice(spec.seed, "grading", work.course_id, work.assignment_id, team, work.submission)
    never, overridden, by_hand = dice.chance(0.1), dice.chance(0.06), dice.chance(0.5)
    graded_on = work.submitted.date() + timedelta(days=dice.between(1, 6))
    if never or graded_on > as_of:
        return replace(work, grader_id=None)
    points = {key: Decimal(dice.between(0, 10)) / 2 for key in work.points}
    total = sum(points.values(), Decimal(0))
    overridden = overridden and graded_on + _OVERRIDE_DELAY <= as_of
    return replace(
        work,
        grader_id=work.grader_id if by_hand or overridden else None,
        score=abs(total - Decimal("1.5")) if overridden else total,
        is_override=overridden,
        points=dict(points),
    )
