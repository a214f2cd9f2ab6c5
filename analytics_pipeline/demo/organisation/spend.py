"""The true spend of labs per day, and how the two providers accumulate it.

costs.py turns it into files; observe.py infers it back from them.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from analytics_pipeline.demo.organisation.campus import Campus, Part
from analytics_pipeline.demo.organisation.dice import Dice
from analytics_pipeline.demo.organisation.oddities import oddities
from analytics_pipeline.demo.organisation.sessions import Session
from analytics_pipeline.demo.organisation.spec import Calendar, OrganisationSpec

_VISIBLE_AFTER_LEAVING = 3  # days that an account's rows stay in the file after its user left
ZERO = Decimal(0)
_CENT = Decimal("0.01")


class Series(NamedTuple):
    """The key of one accumulation; Azure names no account."""

    provider: str
    aws_account_id: str
    user_id: int
    part_id: int


DailySpends = dict[Series, dict[date, Decimal]]
Reports = dict[date, dict[Series, Decimal]]
"""The accumulated value of each reported series, by delivered day."""


def simulate_spend(spec: OrganisationSpec, campus: Campus, sessions: list[Session]) -> DailySpends:
    """Return the true US dollars per series and UTC day, never zero."""
    spends: DailySpends = defaultdict(lambda: defaultdict(Decimal))
    rates = {
        part.part_id: _rate(spec, part)
        for course in campus.courses
        for part in course.parts
        if part.provider
    }
    idle: set[int] = set()
    for session in sessions:
        if session.start and session.end and session.part.provider:
            series = _series(session)
            for day, seconds in _by_day(session.start, session.end):
                spends[series][day] += seconds * rates[series.part_id]
            if series.user_id not in idle and Dice(
                spec.seed, "forgets", series, session.day
            ).chance(0.04):
                # Once per person, a machine is left running for days without a session.
                idle.add(series.user_id)
                for day in _idle_days(spec, session):
                    spends[series][day] += 40_000 * rates[series.part_id]
    for member, day, amount in oddities(spec, campus).extra:
        parts = [part for part in member.course.parts if part.provider == "aws"]
        # The credit is the only line on a part that its user never used.
        part = parts[0] if amount > 0 else campus.courses[-4].parts[0]
        spends[Series("aws", member.person.account, member.person.user_id, part.part_id)][day] += (
            amount
        )
    return {
        s: {d: v for d, v in sorted(days.items()) if d <= spec.last_day}
        for s, days in sorted(spends.items())
    }


def _series(session: Session) -> Series:
    provider, person = session.part.provider or "", session.member.person
    return Series(
        provider, person.account if provider == "aws" else "", person.user_id, session.part.part_id
    )


def _rate(spec: OrganisationSpec, part: Part) -> Decimal:
    """Return dollars per second: six decimals, or nine, as AWS bills fractions of a cent."""
    dice = Dice(spec.seed, "rate", part.part_id)
    if part.part_id % 3 == 0:
        return Decimal(dice.between(2_001, 19_999)).scaleb(-9)
    return Decimal(dice.between(2, 20)).scaleb(-6)


def _by_day(start: datetime, end: datetime) -> Iterator[tuple[date, int]]:
    """Yield the session's seconds on each UTC day it touches, at most two."""
    midnight = datetime.combine(start.date() + timedelta(days=1), time(), UTC)
    yield start.date(), int((min(end, midnight) - start).total_seconds())
    if end > midnight:
        yield midnight.date(), int((end - midnight).total_seconds())


def _idle_days(spec: OrganisationSpec, session: Session) -> list[date]:
    length = Dice(spec.seed, "idle", session.member.person.user_id).between(1, 6)
    days = [session.day + timedelta(days=n) for n in range(1, length + 1)]
    return [day for day in days if session.member.active(day)]


def report(spec: OrganisationSpec, campus: Campus, spends: DailySpends, provider: str) -> Reports:
    """Return the provider's accumulated values by delivered day.

    Half of the series are reported only on change.
    """
    missing = Calendar(spec).aws_missing if provider == "aws" else Calendar(spec).azure_missing
    reports: Reports = {day: {} for day in spec.all_days() if day not in missing}
    leaving = {m.person.user_id: m.dropped_on for m in campus.memberships if m.dropped_on}
    odd = oddities(spec, campus)
    mine = {series: spend for series, spend in spends.items() if series.provider == provider}
    restarts = _restarts(spec, mine, provider, set(reports))
    for series, spend in mine.items():
        left = leaving.get(series.user_id)
        stays = series.user_id in odd.lasting
        gone = date.max if left is None or stays else left + timedelta(days=_VISIBLE_AFTER_LEAVING)
        # Report a leaver's series every day, so that leaving is visible.
        always = left is not None or Dice(spec.seed, "rows", series).chance(0.5)
        total = reported = ZERO
        for day in spec.all_days():
            if day in restarts.get(series, ()):
                total = reported = ZERO
            total += spend.get(day, ZERO)
            if day in reports and day < gone and total and (always or total != reported):
                reports[day][series] = reported = total
    if provider == "aws":
        _misreport(reports, restarts)
        if odd.half_delivered in reports:
            values = reports[odd.half_delivered]
            reports[odd.half_delivered] = dict(list(values.items())[: len(values) // 2])
    return reports


def _misreport(reports: Reports, restarts: dict[Series, set[date]]) -> None:
    """Report one value too low in one file, and another too high until the next file.

    Both series never restart, so that the true spend can still be inferred.
    """
    steady = [
        series
        for series in dict.fromkeys(s for values in reports.values() for s in values)
        if series not in restarts
    ]
    reported = {
        series: [(day, values[series]) for day, values in reports.items() if series in values]
        for series in steady
    }
    for series in steady:
        days = reported[series]
        dips = (n for n in range(1, len(days) - 1) if days[n - 1][1] > 2 * _CENT)
        if (place := next(dips, None)) is not None:
            reports[days[place][0]][series] = (days[place - 1][1] / 4).quantize(_CENT)
            break
    for other in steady:
        days = reported[other]
        still = (
            n
            for n in range(1, len(days) - 1)
            if days[n][1] == days[-1][1] > days[n - 1][1] > 10 * _CENT
        )
        if other != series and (place := next(still, None)) is not None:
            reports[days[place][0]][other] = days[place][1] + _CENT
            break


def _restarts(
    spec: OrganisationSpec, spends: DailySpends, provider: str, delivered: set[date]
) -> dict[Series, set[date]]:
    """Return the days on which accumulations restart: monthly in Azure, once in some AWS series."""
    if provider == "azure" or spec.aws_restarts_monthly:
        openings = {day for day in spec.all_days() if day.day == 1}
        return dict.fromkeys(spends, openings)
    visible = {
        series: day for series, spend in spends.items() if (day := _visible_fall(spend, delivered))
    }
    return {
        series: {day}
        for n, (series, day) in enumerate(visible.items())
        if n == 0 or Dice(spec.seed, "restarts", series).chance(0.15)
    }


def _visible_fall(spend: dict[date, Decimal], delivered: set[date]) -> date | None:
    """Return the first day of a visible restart: the value falls below half and stays there.

    Its file and the previous day's are delivered, and after the next spend the value is still below
    half. On any other day no reader could tell a restart from a correction or a bad file.
    """
    total, days = ZERO, list(spend)
    for n, (day, amount) in enumerate(spend.items()):
        following = spend[days[n + 1]] if n + 1 < len(days) else ZERO
        if (amount + following) * 2 < total and {day, day - timedelta(days=1)} <= delivered:
            return day
        total += amount
    return None
