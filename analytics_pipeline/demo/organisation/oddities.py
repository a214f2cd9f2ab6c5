"""Unusual spend: a runaway student, spend after dropping, a credit, and half a file.

Ordinary spend is in `spend.py`, rows that the reader rejects in `flaws.py`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from analytics_pipeline.demo.organisation.campus import Campus, Membership
from analytics_pipeline.demo.organisation.spec import OrganisationSpec

RUNAWAY_USD = Decimal(60)
AFTER_DROP_USD = Decimal("1.5")
CREDIT_USD = Decimal("-0.75")
_RUNAWAY_DAYS = 3
_AFTER_DROP_DAYS = 5


@dataclass(frozen=True)
class Oddities:
    """Extra AWS spend by user, part and day, and the day whose file lacks half of its rows.

    Attributes:
        runaway: the student whose days cost far more than usual.
        gone: the student who spends after dropping.
        credit: the student whose only line on a part is a credit.
    """

    runaway: Membership | None = None
    gone: Membership | None = None
    credit: Membership | None = None
    half_delivered: date | None = None
    extra: tuple[tuple[Membership, date, Decimal], ...] = ()

    @property
    def lasting(self) -> frozenset[int]:
        """Return the users whose rows stay in the file after they dropped."""
        return frozenset({self.gone.person.user_id} if self.gone else ())


def oddities(spec: OrganisationSpec, campus: Campus) -> Oddities:
    """Return the unusual spend; empty unless the spec enables it."""
    if not spec.oddities:
        return Oddities()
    students = [
        m
        for m in campus.memberships
        if m.first_role == "student" and m.course.parts[0].provider == "aws"
    ]
    steady = [
        m
        for m in students
        if m.dropped_on is None and m.unlisted_on is None and m.joined_on == spec.first_day
    ]
    runaway, credit = steady[0], steady[1]
    gone = next(m for m in students if m.dropped_on and not m.person.keen)
    last = spec.last_day
    extra = [(runaway, last - timedelta(days=n), RUNAWAY_USD) for n in range(_RUNAWAY_DAYS)]
    extra += [(gone, last - timedelta(days=n), AFTER_DROP_USD) for n in range(_AFTER_DROP_DAYS)]
    extra.append((credit, spec.twelfth(6), CREDIT_USD))
    return Oddities(runaway, gone, credit, last - timedelta(days=5), tuple(extra))
