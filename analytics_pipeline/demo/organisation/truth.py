"""The truth about a simulated organisation, as values for tests. No logic.

Money is exact, in US dollars. Days are UTC days. Keys are full keys of the bucket.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Planted:
    """A record that a reader must refuse."""

    key: str
    line: int  # physical line on which it begins; the header is line 1
    column: str | None  # normal form of the faulty column; None if the whole record is at fault
    why: str
    record: int  # its position among the file's records, from 1


@dataclass(frozen=True)
class Oddity:
    """An unusual file that must be loaded, ignored or reported, but never fail."""

    key: str
    what: str


@dataclass(frozen=True)
class DailySpend:
    """The true spend of a day.

    `course_id` is None if no mapping delivered so far knows the part.
    """

    spend_date: date
    provider: str  # aws or azure
    aws_account_id: str | None  # None for azure
    user_id: int
    part_id: int
    course_id: int | None
    cost: Decimal


@dataclass(frozen=True)
class ObservableSpend(DailySpend):
    """The part of a day's spend that an ideal reader can know; observe.py has the exact rules."""

    days_covered: int
    is_reset: bool
    is_first: bool
    is_opening_balance: bool
    fall: str | None  # restart, correction or dip, if the value is lower than the one before


@dataclass(frozen=True)
class SessionTruth:
    """One delivered lab session. Failed launches count as sessions of zero length."""

    key: str
    day: date
    user_id: int
    role: str  # of the user in the course on that day
    course_id: int
    part_id: int
    lab_type: str
    seconds: int
    failed: bool


@dataclass(frozen=True)
class SessionTotal:
    """The sessions of one course and day, including staff and failed launches."""

    count: int
    minutes: float


@dataclass(frozen=True)
class MemberTruth:
    """A person in a course after a night: last known role, and whether still listed."""

    role: str  # the last one
    is_listed: bool
    has_dropped: bool


@dataclass(frozen=True)
class Score:
    """The score of one submission; `points` is None until it is graded."""

    points: Decimal | None
    is_override: bool
    role: str  # of the user in the course


@dataclass(frozen=True)
class ServiceDifference:
    """A month's service_spend of one account that exceeds the account's true spend by `amount`."""

    month: date  # its first day
    aws_account_id: str
    amount: Decimal
    since: date  # the first as_of at which the file shows it


@dataclass(frozen=True)
class Truth:
    """The whole truth for the bucket after the nightly job that follows `as_of`.

    Attributes:
        records: number of data records in each file of the datasets, including planted ones.
        rows: number of records in each file that load.
        rewritten: daily files that change once, and the `as_of` from which they are final.
        never_seen: user ids of students, including dropped ones, without a delivered session.
        failed_only: user ids of students whose delivered sessions are all failed launches.
        members: everybody whom any night's enrollment listed, by user and course.
        lineage: each course and its ancestors upwards; stops outside the org or at a repeat.
        root_course: the last ancestor inside the organisation; None within a cycle.
        scores: by course, assignment, user and submission.
        service_difference: None before it is visible.
    """

    as_of: date
    planted: tuple[Planted, ...]
    oddities: tuple[Oddity, ...]
    records: dict[str, int]
    rows: dict[str, int]
    rewritten: dict[str, date]
    daily_spend: tuple[DailySpend, ...]
    observable_daily_spend: tuple[ObservableSpend, ...]
    sessions: tuple[SessionTruth, ...]
    sessions_by_course_day: dict[tuple[int, date], SessionTotal]
    never_seen: frozenset[int]
    failed_only: frozenset[int]
    members: dict[tuple[int, int], MemberTruth]
    lineage: dict[int, tuple[int, ...]]
    root_course: dict[int, int | None]
    scores: dict[tuple[int, int, int, int | None], Score]
    service_difference: ServiceDifference | None
