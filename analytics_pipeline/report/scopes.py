"""The page's filters: courses by term, department and root course, and periods. Pure functions.

A choice of several courses is a scope: a set of course keys. Counts of people, percentiles and
peaks can't be added up over courses, so the page holds them for each scope. Amounts are added up in
the browser.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

ALL, OTHER, UNKNOWN = "all", "other", "unknown"
PERIODS = ("30", "90", "month", "term", "all")
"""30 or 90 days up to the newest, its month, the term, and everything."""
MOST_SCOPES = 60
"""Maximum number of scopes of several courses, to keep the page small."""
BEGINNING = date(1, 1, 1)


@dataclass(frozen=True)
class Course:
    """A course of the page, or the small ones of a term, department and root course as one.

    Attributes:
        key: its id, `other-...` or `unknown`, as in the rows.
        label: its name for people, unique on the page.
        term, department, root: key of its term, department and root course; None if the page does
            not offer it as a choice.
    """

    key: str
    label: str
    term: str | None = None
    department: str | None = None
    root: str | None = None

    @property
    def is_named(self) -> bool:
        """Return whether it is a single course with a name on the page."""
        return not self.key.startswith(OTHER) and self.key != UNKNOWN

    @property
    def choice(self) -> str:
        """Return its value in the filter, which all unnamed courses share."""
        return OTHER if self.key.startswith(OTHER) else self.key


@dataclass(frozen=True)
class Term:
    """A term to choose: first and last day, and whether they are derived from sessions.

    Without sessions, a day that no label gives is None: the term has not begun, or is still open.
    """

    label: str
    first: date | None
    last: date | None
    is_derived: bool


def scopes(courses: Sequence[Course]) -> dict[str, frozenset[str]]:
    """Return each scope's courses: everything, each course, then groups, the largest first."""
    courses_of = {ALL: frozenset(course.key for course in courses) | {UNKNOWN}}
    for choice in dict.fromkeys(course.choice for course in courses):
        courses_of[choice] = frozenset(course.key for course in courses if course.choice == choice)
    seen = set(courses_of.values())
    groups = dict.fromkeys(group for group in _groups(courses) if group and group not in seen)
    for number, group in enumerate(sorted(groups, key=len, reverse=True)[:MOST_SCOPES]):
        courses_of[f"group-{number}"] = group
    return courses_of


def _groups(courses: Sequence[Course]) -> Iterator[frozenset[str]]:
    """Yield the courses of each combination of a term, a department and a root course."""
    terms, departments, roots = (
        [None, *dict.fromkeys(filter(None, (getattr(course, field) for course in courses)))]
        for field in ("term", "department", "root")
    )
    for term, department, root in product(terms, departments, roots):
        yield frozenset(
            course.key
            for course in courses
            if (term is None or course.term == term)
            and (department is None or course.department == department)
            and (root is None or course.root == root)
        )


def window(period: str, newest: date | None, term: Term | None) -> tuple[date, date] | None:
    """Return the first and last day of a period; None if it does not apply.

    Args:
        period: one of PERIODS.
        newest: the newest loaded day; None if nothing is loaded.
        term: the term of the period `term`; None if it is unknown.
    """
    if newest is None:
        return None
    if period == "term":
        if term is None or term.first is None:
            return None
        last = min(term.last or newest, newest)
        return (term.first, last) if term.first <= last else None
    starts = {"month": newest.replace(day=1), "all": BEGINNING}
    return starts.get(period) or newest - timedelta(days=int(period) - 1), newest


def term_of(
    keys: frozenset[str], courses: Sequence[Course], terms: Mapping[str, Term], today: date | None
) -> str | None:
    """Return a scope's term: the one that its courses share, else the newest that has begun.

    The newest derived term is the one of the latest quarter, even if a course of it began before
    those of the quarter before. Derived names, such as `2026 Q4`, sort like the quarters.
    """
    shared = {course.term for course in courses if course.key in keys}
    if len(shared) == 1 and (only := shared.pop()):
        return only
    begun = {
        key: term.first
        for key, term in terms.items()
        if today and term.first and term.first <= today
    }
    derived = max((key for key in begun if terms[key].is_derived), default=None)
    asked = (key for key in begun if key == derived or not terms[key].is_derived)
    return max(asked, key=lambda key: (begun[key], key), default=None)
