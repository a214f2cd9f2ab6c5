"""The size of a simulated organisation, and the days on which something unusual happens."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Dialect(StrEnum):
    """How the CSV is written. The vendor's article shows the first; real files may use another."""

    ARTICLE = (  # a blank after most commas, also before a quote; texts with a blank are quoted
        "article"
    )
    RFC4180 = "rfc4180"  # quotes only where needed
    BOM_CRLF = "bom_crlf"  # RFC 4180 with a byte order mark and CRLF


@dataclass(frozen=True)
class OrganisationSpec:
    """The organisation to simulate.

    Equal specs give equal bytes on every machine and Python version.

    The simulation runs `days` UTC days and ends with `last_day`. Three flags decide questions that
    the article leaves open: whether the organisation has Azure, whether aws_cost restarts each
    month, and whether a session over midnight is listed in both days' files.
    """

    org_id: str = "9001"
    seed: int = 7
    last_day: date = date(2026, 11, 22)
    days: int = 90
    students: int = 300
    courses: int = 6
    dialect: Dialect = Dialect.ARTICLE
    padded: bool = True  # 2026-01-09 in file names, else 2026-1-9
    flaws: bool = True  # plant rows and files that a reader must refuse or report
    azure: bool = True
    aws_restarts_monthly: bool = False
    midnight_in_both_files: bool = False
    # A runaway student, one who spends after dropping, a credit, half a file, a shorter roster.
    oddities: bool = False

    def __post_init__(self) -> None:
        if self.days < 12 or self.students < 20 or self.courses < 3:
            raise ValueError(
                "an organisation needs at least 12 days, 20 students and 3 courses to show every"
                " trait"
            )

    @classmethod
    def small(cls, **changes: object) -> "OrganisationSpec":
        """Return a spec with every trait in twelve days over a month end, for fast tests."""
        fields: dict[str, object] = {
            "last_day": date(2026, 11, 6),
            "days": 12,
            "students": 25,
            "courses": 3,
        }
        return cls(**{**fields, **changes})  # type: ignore[arg-type]

    @property
    def first_day(self) -> date:
        """Return the first simulated UTC day."""
        return self.last_day - timedelta(days=self.days - 1)

    def all_days(self) -> list[date]:
        """Return every simulated UTC day, oldest first."""
        return [self.first_day + timedelta(days=n) for n in range(self.days)]

    def twelfth(self, k: int) -> date:
        """Return the first day of the k-th twelfth of the simulation (k from 0 to 11)."""
        return self.first_day + timedelta(days=self.days * k // 12)


class Calendar:
    """The unusual days. They lie in different twelfths, so that they never coincide."""

    def __init__(self, spec: OrganisationSpec) -> None:
        day, next_day = spec.twelfth, timedelta(days=1)
        # Nobody works. The file has only a header (with flaws), or is missing.
        self.header_only = day(3)
        # One session is launched after its end, as in the article's example.
        self.launched_late = day(0)
        self.quiet = {day(3), day(5)}  # nobody works; day(5) never has a lab_sessions file
        self.rewritten = {day(1), day(6), day(10)}  # some rows arrive a night late
        self.broken_rows = day(2)
        self.broken_bytes = day(4)
        self.open_quote = day(6)
        self.other_order = day(7)
        self.extra_column = day(8)
        # Rows lack their last, nullable cells, and one has an unknown lab type.
        self.cut_short = day(9)
        self.broken_azure_rows = day(10)
        # Accounts are reused between these days.
        self.leaving, self.arriving = day(5), day(5) + 2 * next_day
        self.unlucky = {day(8), day(11)}  # a launch of each unlucky student fails
        self.unlisting = day(9)  # some students disappear from the enrollment
        self.deactivation_column_from = day(6)
        self.month_opening = max(spec.last_day.replace(day=1), spec.first_day + next_day)
        self.late_assignments, self.late_course, self.promotion = day(2), day(3), day(6)
        self.aws_missing = {day(4), day(7), day(7) + next_day}
        # Never the newest file: its dataset would be late.
        self.azure_missing = {self.month_opening, _not_closing_a_month(day(9))} - {spec.last_day}


def _not_closing_a_month(day: date) -> date:
    """Return the day, moved off a month's end, whose file holds the month's bill."""
    return day - timedelta(days=1) if (day + timedelta(days=1)).day == 1 else day
