"""The organisation's courses, parts and people, and when each appears and leaves.

What people do in a lab is in sessions.py, and its cost in spend.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from analytics_pipeline.demo.organisation.dice import Dice
from analytics_pipeline.demo.organisation.spec import Calendar, OrganisationSpec

OUTSIDE_COURSE = 1020  # a course of another organisation, parent of one of ours
_FIRST_NAMES = (
    "Ana",
    "Bjørn",
    "Chidi",
    "Dóra",
    "Élodie",
    "Farid",
    "Grace",
    "Hye-jin",
    "İpek",
    "João",
)
_LAST_NAMES = (
    "Almeida",
    "Brontë",
    "Čapek",
    "Dvořák",
    "Eze",
    "Fischer",
    "García",
    "Hughes",
    "Ito",
    "Jensen",
    "Kranz",
)
_ODD_NAMES = (
    "Müller, Jürgen",
    'Zoë "Zo" Brien, Jr.',
    "李小龍",
    "Łukasz  Żak",
    "محمد علي",
    "D'Arcy; Ann",
)


@dataclass(frozen=True)
class Part:
    """A part of an assignment.

    `provider` bills its labs; an unmapped part has no asn_mapping row.
    """

    course_id: int
    assignment_id: int
    assignment_name: str
    part_id: int
    name: str
    lab_type: str
    provider: str | None = None
    parent_assignment_id: int | None = None
    parent_part_id: int | None = None
    created_on: date = date.min
    mapped: bool = True
    team: bool = False


@dataclass(frozen=True)
class Course:
    """A course. An archived one is only listed in the mappings and has no members."""

    course_id: int
    name: str
    create_method: str
    parent_course_id: int | None
    created_on: date
    parts: tuple[Part, ...]
    archived: bool = False
    submissions: bool = False  # its grades file has the columns submission and submission_time


@dataclass(frozen=True)
class Person:
    """A user. `account` is the only AWS account they are given.

    `works` is False for users who never start a lab. Keen users work in their course's sandbox on
    every working day. All launches of unlucky users fail.
    """

    user_id: int
    name: str
    email: str
    account: str
    works: bool
    keen: bool = False
    unlucky: bool = False


@dataclass(frozen=True)
class Membership:
    """One person in one course.

    On `promoted_on` a student becomes a ta. From `unlisted_on` the enrollment no longer lists the
    person, who may keep working.
    """

    person: Person
    course: Course
    first_role: str
    joined_on: date
    dropped_on: date | None = None
    promoted_on: date | None = None
    unlisted_on: date | None = None

    def listed(self, day: date) -> bool:
        """Return whether the enrollment of the night after that UTC day lists the person."""
        return self.joined_on <= day and not (self.unlisted_on and day >= self.unlisted_on)

    def role(self, day: date) -> str:
        """Return the role at the end of that UTC day: student, ta or teacher."""
        return "ta" if self.promoted_on and day >= self.promoted_on else self.first_role

    def active(self, day: date) -> bool:
        """Return whether the person can use the course on that UTC day."""
        return self.joined_on <= day and not (self.dropped_on and day >= self.dropped_on)


@dataclass(frozen=True)
class Campus:
    """Everything that exists at some time of the simulation; callers filter by day."""

    courses: tuple[Course, ...]
    memberships: tuple[Membership, ...]


def build_campus(spec: OrganisationSpec) -> Campus:
    """Create the organisation's courses, students and staff."""
    active = [_course(spec, n) for n in range(spec.courses)]
    return Campus((*active, *_archived(spec)), (*_staff(spec, active), *_students(spec, active)))


def _course_id(n: int) -> int:
    return 45686 + 37 * n


def _opens(spec: OrganisationSpec, n: int) -> date:
    """Return the first day of the n-th course; the last course and its data start late."""
    return Calendar(spec).late_course if n == spec.courses - 1 else spec.first_day


def _course(spec: OrganisationSpec, n: int) -> Course:
    """Create the n-th active course.

    Every third one is new; the next two are a clone, and a clone of the clone.
    """
    clone = n % 3 > 0
    return Course(
        course_id=_course_id(n),
        name=f"CS {101 + n}, Cloud" if n % 2 else f"Kevin 2026 - {n + 1}",
        create_method="Clone by Reference" if clone else "New",
        parent_course_id=_course_id(n - 1) if clone else None,
        created_on=_opens(spec, n),
        parts=tuple(_parts(spec, n)),
        submissions=n % 3 == 1,
    )


def _parts(spec: OrganisationSpec, n: int) -> Iterator[Part]:
    """Yield three assignments.

    A clone's first two point to their originals; the third is its own and starts late. The first
    clone keeps the id of its original's first assignment, as clones may.
    """
    billed = "azure" if spec.azure and n % 3 == 2 else "aws"
    labs = [
        (0, "AWS Sandbox", 0, "Lab", "Cloud", "aws"),
        (1, "lab-04-api", 0, "assignment-part", "Container", None),
        (1, "lab-04-api", 1, "virtual machine", "VM", None),
        (2, 'Team project, "Data"', 0, "Pipeline", "Cloud", billed),
        (2, 'Team project, "Data"', 1, "Notebook", "Databricks", None),
        # Removed from the course, but still costs money.
        (3, "Retired lab", 0, "assignment-part", "Cloud", "aws"),
    ]
    for a, assignment_name, p, name, lab_type, provider in labs if n == 0 else labs[:-1]:
        assignment = 760081 + 100 * n + 10 * a
        copied = n % 3 > 0 and a < 2
        yield Part(
            course_id=_course_id(n),
            assignment_id=assignment - 100 if n % 3 == 1 and a == 0 else assignment,
            assignment_name=assignment_name,
            part_id=assignment + 3 + p,
            name=name,
            lab_type=lab_type,
            provider=provider,
            parent_assignment_id=assignment - 100 if copied else None,
            parent_part_id=assignment - 100 + 3 + p if copied else None,
            created_on=(
                max(_opens(spec, n), Calendar(spec).late_assignments) if a == 2 else _opens(spec, n)
            ),
            mapped=a < 3,
            team=a == 2,
        )


def _archived(spec: OrganisationSpec) -> list[Course]:
    """Create clones with an outside or an unknown parent, and two that are each other's parent."""
    ids = [45001, 45002, 45003, 45004]
    parents = [OUTSIDE_COURSE, None, 45004, 45003]
    names = ["Cloud basics", "Cloud basics - copy", "Loop A", "Loop B"]
    outside = Part(45001, 750001, "AWS Sandbox", 750004, "Lab", "Cloud", "aws", 50833, 50834)
    return [
        Course(
            id,
            name,
            "Clone by Reference",
            parent,
            spec.first_day,
            (outside,) if id == 45001 else (),
            archived=True,
        )
        for id, parent, name in zip(ids, parents, names, strict=True)
    ]


def _staff(spec: OrganisationSpec, courses: list[Course]) -> list[Membership]:
    """Create a teacher and a ta for each course."""
    people = []
    for n, course in enumerate(courses):
        for m, role in enumerate(("teacher", "ta")):
            user = 926001 + 2 * n + m
            person = Person(
                user,
                f"Prof. {_LAST_NAMES[n % 11]}",
                f"{role}{n}@example.edu",
                f"{990000000000 + user}",
                True,
            )
            people.append(Membership(person, course, role, course.created_on))
    return people


def _students(spec: OrganisationSpec, courses: list[Course]) -> list[Membership]:
    """Put each student in one course, and every fourth in two.

    A few leave, and newcomers get their accounts. A few disappear from the enrollment without being
    marked as dropped.
    """
    calendar = Calendar(spec)
    members: list[Membership] = []
    for i in range(spec.students):
        person = _student(spec, i)
        leaves, arrives = i % 20 == 7, i % 20 == 8
        for n in {i % len(courses), (i + 1) % len(courses)} if i % 4 == 0 else {i % len(courses)}:
            dice = Dice(spec.seed, "membership", i, n)
            joined = courses[n].created_on
            if arrives or dice.chance(0.05):
                joined = max(joined, calendar.arriving)
            dropped = calendar.leaving if leaves else calendar.promotion if i % 20 == 13 else None
            promoted = calendar.promotion if i == 5 else None
            unlisted = (
                calendar.unlisting
                if i % 20 == 15 or (spec.oddities and i % 20 in (4, 14, 18))
                else None
            )
            members.append(
                Membership(person, courses[n], "student", joined, dropped, promoted, unlisted)
            )
    return members


def _student(spec: OrganisationSpec, i: int) -> Person:
    dice = Dice(spec.seed, "student", i)
    name = (
        _ODD_NAMES[i // 13 % 6]
        if i % 13 == 1
        else f"{dice.pick(_FIRST_NAMES)} {dice.pick(_LAST_NAMES)}"
    )
    holder = i - 1 if i % 20 == 8 else i  # a newcomer gets the account of the student who left
    # An account of eleven digits has lost a leading zero.
    account = 86225200000 if holder % 5 == 2 else 862252000000
    keen = i % 20 in (7, 8)  # both holders of a reused account, so that both are sure to spend
    works = keen or (i != 3 and not dice.chance(0.05))
    return Person(
        1731000 + i,
        name,
        f"user{i}@example.edu",
        f"{account + 7919 * holder:012d}",
        works,
        keen,
        i % 40 == 9,
    )
