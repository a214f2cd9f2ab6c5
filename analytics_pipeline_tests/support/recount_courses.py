"""The course of a user's spend on a part in a month, recomputed in plain Python by FEED's rule."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from analytics_pipeline_tests.support.random_rows import MoneyRows


@dataclass(frozen=True)
class Place:
    """Course and assignment of a month's spend, and what decided them."""

    course: int | None
    assignment: int | None
    by: str
    """`month`, `earlier month` or `later month`: whose evidence it is; else `mapping`."""


@dataclass(frozen=True)
class Evidence:
    """What the feed tells about a user and a part.

    Attributes:
        mapped: courses and assignments that the mapping lists for the part.
        named: courses in which service_spend or sessions name the user and part, by month.
        enrolled: courses in which the user is enrolled.
        dropped: courses whose enrollment lists the user, as dropped only.
    """

    mapped: frozenset[tuple[int, int]]
    named: Mapping[date, frozenset[int]]
    enrolled: frozenset[int]
    dropped: frozenset[int]

    def course(self, named: Iterable[int]) -> int | None:
        """Return the course that some named courses, the mapping and enrollment lead to."""
        names = set(named)
        places = {course for course, _ in self.mapped}
        places = names & places or places  # an enrollment in a third course says nothing
        there = places & self.enrolled or places & self.dropped
        for candidates in (names, places, there):
            if len(candidates) == 1:
                (course,) = candidates
                return course
        return None

    def assignment(self, course: int | None) -> int | None:
        """Return the only assignment of the part in the course, else the only one anywhere."""
        inside = {assignment for at, assignment in self.mapped if at == course}
        everywhere = {assignment for _, assignment in self.mapped}
        (assignment,) = next((ids for ids in (inside, everywhere) if len(ids) == 1), {None})
        return assignment


def place_of(month: date, evidence: Evidence) -> Place:
    """Return where the month's spend belongs."""
    if not evidence.mapped:
        return Place(None, None, "mapping")
    course, by = _course_of(month, evidence)
    return Place(course, evidence.assignment(course), by)


def _course_of(month: date, evidence: Evidence) -> tuple[int | None, str]:
    with_names = sorted(at for at, names in evidence.named.items() if names)
    earlier = [at for at in with_names if at < month]
    if month in with_names:
        at, by = month, "month"
    elif earlier:
        at, by = earlier[-1], "earlier month"
    elif with_names:
        at, by = with_names[0], "later month"
    else:
        return evidence.course(()), "mapping"
    return evidence.course(evidence.named[at]), by


@dataclass(frozen=True)
class Places:
    """Where the spend of each user, part and month belongs."""

    by_month: Mapping[tuple[int, int, date], Place]

    def of(self, user: int, part: int, day: date) -> tuple[int | None, int | None]:
        """Return course and assignment of the user's spend on the part on that day."""
        place = self.by_month[user, part, day.replace(day=1)]
        return place.course, place.assignment

    def moves(self) -> int:
        """Return how many users and parts have several courses, one after the other."""
        courses: dict[tuple[int, int], set[int]] = defaultdict(set)
        for (user, part, _), place in self.by_month.items():
            if place.course:
                courses[user, part].add(place.course)
        return sum(len(found) > 1 for found in courses.values())


def courses(rows: MoneyRows) -> Places:
    """Return the place of each user's spend on a part in a month."""
    mapped: dict[object, set[tuple[object, object]]] = defaultdict(set)
    named: dict[object, dict[date, set[object]]] = defaultdict(lambda: defaultdict(set))
    enrolled: dict[object, set[object]] = defaultdict(set)
    dropped: dict[object, set[object]] = defaultdict(set)
    for row in rows.mapping:
        mapped[row["part_id"]].add((row["course_id"], row["assignment_id"]))
    for row in rows.people:
        (dropped if row.get("dropped") else enrolled)[row["userid"]].add(row["courseid"])
    for row in [*rows.sessions, *rows.services]:
        if row["course_id"]:
            named[row["user_id"], row["part_id"]][_month(row)].add(row["course_id"])
    spent = [*rows.aws, *rows.azure, *rows.services]
    found = {
        (user, part, month): place_of(
            month,
            Evidence(
                frozenset(mapped[part]),
                {at: frozenset(names) for at, names in named[user, part].items()},
                frozenset(enrolled[user]),
                frozenset(dropped[user] - enrolled[user]),
            ),
        )
        for user, part, month in {(row["user_id"], row["part_id"], _month(row)) for row in spent}
    }
    return Places(found)  # type: ignore[arg-type]


def _month(row: Mapping[str, object]) -> date:
    """Return the first day of the month that a row of money or of a session is about."""
    if "year" in row:
        return date(int(str(row["year"])), int(str(row["month"])), 1)
    day = row.get("file_month") or row.get("start_time") or row["file_date"]
    return date.fromisoformat(str(day)[:10]).replace(day=1)
