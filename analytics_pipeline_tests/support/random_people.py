"""Small random organisations of people: courses, rosters over three nights, scores and sessions,
with the feed's oddities.

`recount_people.py` computes the expected marts. Ids of organisation n lie between 1000 n and 1000 n
+ 999.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from analytics_pipeline_tests.support.model_warehouse import utc

NIGHTS = (utc(2026, 10, 20, 3), utc(2026, 10, 21, 3), utc(2026, 10, 22, 3))
FIRST_DAY = utc(2026, 10, 5)
LONG = 50_000
"""Minutes of a session with a clock error."""
LOGS = (
    " START successful; END successful (User Ended Lab)",
    "START failed (CFN)",
    " START successful",
    None,
)


@dataclass(frozen=True)
class Member:
    """A row of an enrollment file."""

    user: int
    role: str | None
    dropped: bool | None


@dataclass(frozen=True)
class Grade:
    """A row of a grades file."""

    user: int
    course: int
    assignment: int
    submission: int | None
    submitted: datetime | None
    score: Decimal | None
    most: Decimal | None
    override: bool | None
    partner: int | None
    rubric: int


@dataclass(frozen=True)
class Session:
    """A row of a lab_sessions file."""

    file_day: date
    user: int
    course: int
    assignment: int
    part: int
    lab_type: str | None
    launch: datetime | None
    start: datetime | None
    init: datetime | None
    end: datetime | None
    log: str | None


@dataclass
class Delivered:
    """The deliveries of some organisations."""

    # rows of course_mapping: course, parent
    parents: list[tuple[int, int | None]] = field(default_factory=list)
    # course, assignment, part, parent
    parts: list[tuple[int, int, int, int | None]] = field(default_factory=list)
    # course -> night -> rows
    rosters: dict[int, dict[int, list[Member]]] = field(default_factory=dict)
    grades: list[Grade] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)


def organisations(numbers: Sequence[int]) -> Delivered:
    """Return the deliveries of the organisations with these numbers; the same at every call."""
    delivered = Delivered()
    for number in numbers:
        _add(delivered, Random(number), 1_000 * (number + 1))
    return delivered


def _add(delivered: Delivered, dice: Random, base: int) -> None:
    courses = [base + n for n in range(1, dice.randint(2, 5))]
    users = [base + 100 + n for n in range(dice.randint(2, 6))]
    assignments = [
        base + 200 + n for n in range(dice.randint(1, 3))
    ]  # the same ids in every course, as clones keep them
    parts = [
        (course, assignment, base + 300 + 10 * n + m)
        for n, course in enumerate(courses)
        for m, assignment in enumerate(assignments)
    ]
    for course in courses:
        for _ in range(1 + (dice.random() < 0.2)):  # sometimes listed twice, with another parent
            delivered.parents.append((course, dice.choice([None, None, *courses, base + 999])))
        delivered.rosters[course] = dict(_rosters(dice, users))
        delivered.grades += _grades(dice, course, users, assignments)
    for course, assignment, part in parts:
        delivered.parts.append(
            (course, assignment, part, dice.choice([None, base + 998, *(p for _, _, p in parts)]))
        )
    delivered.sessions += _sessions(dice, users, parts)


def _rosters(dice: Random, users: Sequence[int]) -> Iterator[tuple[int, list[Member]]]:
    """Three nights: some files do not change, some lose half of their people or all, some list a
    user twice.
    """
    for night in range(len(NIGHTS)):
        if night and dice.random() < 0.3:
            continue  # not rewritten
        listed = [user for user in users if dice.random() < dice.choice([0, 0.5, 0.9, 0.9])]
        twice = [user for user in listed if dice.random() < 0.15]
        yield (
            night,
            [
                Member(user, _role(dice), dice.choice([None, False, False, True]))
                for user in listed + twice
            ],
        )


def _role(dice: Random) -> str | None:
    return dice.choice(["student", "student", "student", "Student", "ta", "teacher", None])


def _grades(
    dice: Random, course: int, users: Sequence[int], assignments: Sequence[int]
) -> Iterator[Grade]:
    for user in users:
        for assignment in assignments:
            for submission in dice.choice([(), (None,), (1, 2), (None, 3)]):
                submitted = dice.choice(
                    [None, FIRST_DAY + timedelta(minutes=dice.randint(0, 9_999))]
                )
                score, most = (
                    dice.choice([None, Decimal(dice.randint(0, 24)) / 2]),
                    dice.choice([Decimal(10), Decimal(20), None]),
                )
                partner = dice.choice([None, dice.choice(users)])
                for rubric in range(dice.randint(1, 3)):
                    override = dice.choice([None, False, True])
                    yield Grade(
                        user,
                        course,
                        assignment,
                        submission,
                        submitted,
                        score,
                        most,
                        override,
                        partner,
                        rubric + 1,
                    )
                    if (
                        dice.random() < 0.1
                    ):  # rows that disagree, of a resubmission or of a second partner
                        partner = dice.choice(users)
                        score, most = (
                            Decimal(dice.randint(0, 24)) / 2,
                            dice.choice([Decimal(10), Decimal(20), None]),
                        )
                        submitted = dice.choice(
                            [submitted, FIRST_DAY + timedelta(minutes=dice.randint(0, 9_999))]
                        )


def _sessions(
    dice: Random, users: Sequence[int], parts: Sequence[tuple[int, int, int]]
) -> Iterator[Session]:
    for _ in range(dice.randint(0, 9)):
        (course, assignment, part), user = (
            dice.choice(parts),
            dice.choice(users[:-1]),
        )  # the last one never launches
        launch = FIRST_DAY + timedelta(minutes=dice.randint(0, 13_000))
        if is_long := dice.random() < 0.2:
            launch -= timedelta(minutes=LONG)  # a file tells no end after its own night
        start = launch + timedelta(seconds=dice.randint(0, 40)) if dice.random() < 0.7 else None
        end = (
            start + timedelta(minutes=dice.choice([0, 5, 60, 61, 600, LONG if is_long else 600]))
            if start and dice.random() < 0.9
            else None
        )
        init = (
            launch + timedelta(seconds=dice.randint(-5, 300))
            if start and dice.random() < 0.9
            else None
        )
        launched = None if start and dice.random() < 0.1 else launch
        if dice.random() < 0.05:
            launched = start = end = init = None  # without any time
        row = Session(
            *(
                launch.date(),
                user,
                course,
                assignment,
                part,
                dice.choice(["Cloud", "VM", "Quantum", None]),
            ),
            *(launched, start, init, end, dice.choice(LOGS)),
        )
        yield row
        if dice.random() < 0.15:  # again in the next day's file, perhaps with a later end
            later = end + timedelta(minutes=dice.choice([0, 30])) if end else None
            again = {**row.__dict__, "file_day": row.file_day + timedelta(days=1), "end": later}
            yield Session(**again)
        if dice.random() < 0.1:  # for another course too, as a clone may keep its parts
            yield replace(row, course=dice.choice(parts)[0])
