"""What is really so in a simulated organisation: the words in which a test asks. No logic belongs here.

Money is in US dollars and exact; days are UTC days; keys are whole keys of the bucket.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Planted:
    """A record that a reader must refuse."""

    key: str
    line: int  # physical line on which it begins, the header is line 1
    column: str | None  # normal form of the faulty column; None if the record as a whole is at fault
    why: str
    record: int  # its place among the file's records, from 1


@dataclass(frozen=True)
class Oddity:
    """A file that is out of the ordinary and must be loaded, ignored or reported, but never fail."""

    key: str
    what: str


@dataclass(frozen=True)
class DailySpend:
    """What was truly spent on a day. `course_id` is None where no mapping delivered so far knows the part."""

    spend_date: date
    provider: str  # aws or azure
    aws_account_id: str | None  # None for azure
    user_id: int
    part_id: int
    course_id: int | None
    cost: Decimal


@dataclass(frozen=True)
class ObservableSpend(DailySpend):
    """What an ideal reader can know of a day's spend; see observe.py for the exact rules."""

    days_covered: int
    is_reset: bool
    is_first: bool
    is_opening_balance: bool
    fall: str | None  # restart, correction or dip, where the value is lower than the one before


@dataclass(frozen=True)
class SessionTruth:
    """One lab session that was delivered. Failed launches count as sessions of no length."""

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
    """The sessions of one course and day, staff and failed launches included."""

    count: int
    minutes: float


@dataclass(frozen=True)
class MemberTruth:
    """What the enrollment files up to a night say of a person in a course: when listed last, and whether they still are."""

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
    """A month's service_spend of one account that is `amount` above the account's true spend in the month."""

    month: date  # its first day
    aws_account_id: str
    amount: Decimal
    since: date  # the first as_of whose file shows it


@dataclass(frozen=True)
class Truth:
    """All of it, for a bucket as it is after the nightly job following `as_of`."""

    as_of: date
    planted: tuple[Planted, ...]
    oddities: tuple[Oddity, ...]
    records: dict[str, int]  # data records in each file of the eight datasets, planted ones included
    rows: dict[str, int]  # those of them that load
    rewritten: dict[str, date]  # daily files that change once, and the as_of from which on they are final
    daily_spend: tuple[DailySpend, ...]
    observable_daily_spend: tuple[ObservableSpend, ...]
    sessions: tuple[SessionTruth, ...]
    sessions_by_course_day: dict[tuple[int, date], SessionTotal]
    never_seen: frozenset[int]  # user ids of students, dropped ones included, of whom no session was delivered
    failed_only: frozenset[int]  # user ids of students whose delivered sessions are failed launches alone
    members: dict[tuple[int, int], MemberTruth]  # by user and course: everybody whom a night's enrollment ever listed
    lineage: dict[int, tuple[int, ...]]  # a course and its ancestors upwards; stops outside the org or at a repeat
    root_course: dict[int, int | None]  # the last ancestor inside the org; None within a cycle
    scores: dict[tuple[int, int, int, int | None], Score]  # by course, assignment, user and submission
    service_difference: ServiceDifference | None  # None before it shows
