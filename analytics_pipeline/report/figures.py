"""The page's key figures as text, for each selection of courses and each period. Pure functions.

`sql/figures/` counts. Money is rounded once, here, half a cent up.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from analytics_pipeline.report.data import Data, Row
from analytics_pipeline.report.scopes import ALL
from analytics_pipeline.words import counted

NOTHING = "\N{EN DASH}"
COMPARED_DAYS = 30
NO_PERIOD = "this period is not available"


@dataclass(frozen=True)
class Figure:
    """A key figure: title, value, and a note that puts it in proportion."""

    title: str
    value: str
    note: str


def key_figures(data: Data, scope: str = ALL, period: str = "30") -> list[Figure]:
    """Return the figures of a selection of courses.

    Args:
        data: the report's rows.
        scope: a key of `Data.scopes`.
        period: one of `PERIODS`. Does not affect the figures of delivery.
    """
    return [
        *_money(data, scope, period),
        *_use(data, scope, period),
        _delivered(data),
        _newest(data),
    ]


def _money(data: Data, scope: str, period: str) -> list[Figure]:
    if data.span.last_spend is None:
        return [Figure(title, NOTHING, "no cost is loaded") for title in ("Spend", "Idle spend")]
    if (scope, period, "spend") not in data.windows:
        return [Figure(title, NOTHING, NO_PERIOD) for title in ("Spend", "Idle spend")]
    spend, idle = data.row("spend", scope, period), data.row("idle", scope, period)
    spent = spend.get("spend") or Decimal(0)
    return [
        Figure("Spend", usd(spent), _change(data, "spend", spend, scope, period)),
        _idle(data, spend, idle.get("idle") or Decimal(0)),
    ]


def _idle(data: Data, spend: Row, lost: Decimal) -> Figure:
    """Return the idle spend, and its share of the spend of days whose sessions are loaded."""
    if data.span.last_session is None:
        return Figure("Idle spend", NOTHING, "no sessions are loaded")
    days, judged_days = spend.get("days", 0), spend.get("judged_days", 0)
    if days and not judged_days:
        return Figure("Idle spend", NOTHING, "no sessions of the days with spend are loaded")
    known, where = f"{judged_days:,} of {days:,} days", "from the second day after a session"
    whole = "it" if judged_days == days else f"the spend of {known}, whose sessions are loaded"
    judged = spend.get("judged") or Decimal(0)
    if judged <= 0:
        return Figure("Idle spend", usd(lost), where)
    return Figure("Idle spend", usd(lost), f"{percent(lost, judged)} of {whole}, {where}")


def _use(data: Data, scope: str, period: str) -> list[Figure]:
    titles = ("Active students", "Sessions", "Failed launches")
    if data.span.last_session is None:
        return [Figure(title, NOTHING, "no sessions are loaded") for title in titles]
    if (scope, period, "sessions") not in data.windows:
        return [Figure(title, NOTHING, NO_PERIOD) for title in titles]
    sessions = data.row("sessions", scope, period)
    count, failed = sessions.get("sessions", 0), sessions.get("failed", 0)
    enrolled = data.row("students", scope).get("students", 0)
    return [
        _active(data.row("active", scope, period), enrolled),
        Figure("Sessions", f"{count:,}", _change(data, "sessions", sessions, scope, period)),
        Figure(
            "Failed launches",
            f"{failed:,}",
            f"{percent(failed, count)} of sessions" if count else "no sessions",
        ),
    ]


def _active(people: Row, enrolled: int) -> Figure:
    """Return the enrolled students with a successful session, out of all enrolled students."""
    failed_only = people.get("failed_only", 0)
    others = f"; {failed_only:,} more only failed to launch" if failed_only else ""
    return Figure(
        "Active students", f"{people.get('active', 0):,}", f"of {enrolled:,} enrolled{others}"
    )


def _delivered(data: Data) -> Figure:
    row = data.figures["completeness"][0]
    if not row["periods"]:
        return Figure("Completeness", NOTHING, "nothing is loaded")
    absent = row["periods"] - row["loaded"]
    share = percent(row["loaded"], row["periods"]) if absent else "100 %"
    return Figure(
        "Completeness", share, f"{absent:,} of {row['periods']:,} days and months not loaded"
    )


def _newest(data: Data) -> Figure:
    """Return the newest day, and the daily datasets that end earlier."""
    days = {
        row["dataset"]: date.fromisoformat(row["newest"])
        for row in data.freshness
        if row["newest"] and row["is_daily"]
    }
    if not days:
        return Figure("Newest day", NOTHING, "nothing is loaded")
    newest = max(days.values())
    behind = [f"{name} ends {day(at)}" for name, at in days.items() if at < newest]
    return Figure(
        "Newest day",
        day(newest)[:-5],
        (
            "; ".join([f"{newest.year}", *behind])
            if behind
            else f"{newest.year}, in every daily dataset"
        ),
    )


def usd(amount: Decimal) -> str:
    """Format dollars and cents; a positive amount below a cent is not shown as zero."""
    if 0 < amount < Decimal("0.005"):
        return "under $0.01"
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}${abs(amount).quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def percent(part: Decimal | int, whole: Decimal | int) -> str:
    """Format a share in percent, to one decimal; a share is never rounded to 100.0 % or 0.0 %."""
    share = Decimal(part) * 100 / Decimal(whole)
    rounded = share.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if rounded == 100 and share < 100:
        return "over 99.9 %"
    return "under 0.1 %" if rounded == 0 and share > 0 else f"{rounded} %"


def change(
    now: Decimal | int, before: Decimal | int, days: int, within: int = COMPARED_DAYS
) -> str:
    """Return in words how the newest loaded days changed against the same number before.

    Args:
        now: the sum over the newest days.
        before: the sum over the days before.
        days: how many loaded days each sum covers.
        within: number of loaded days in the period. Fewer are compared if fewer are loaded before
            it.
    """
    if not days:
        return "too few days are loaded to compare"
    span = counted(days, "loaded day")
    if before <= 0:
        return f"nothing in the {span} before"
    share = (Decimal(now) - Decimal(before)) * 100 / Decimal(before)
    rounded = share.quantize(Decimal("0.1"), ROUND_HALF_UP)
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}" if rounded < 0 else "\N{PLUS-MINUS SIGN}"
    newest = "" if days == within else f"newest {span}: "
    return f"{newest}{sign}{abs(rounded)} % on the {span} before"


def _change(data: Data, what: str, row: Row, scope: str, period: str) -> str:
    """Return the change of a figure's row against the same number of loaded days before."""
    compared = data.row("compared", scope, period, what)
    return change(
        row.get("newest", 0),
        row.get("before", 0),
        compared.get("days", 0),
        compared.get("within", 0),
    )


def day(at: date) -> str:
    """Format a day in English, whatever the locale."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{at.day} {months[at.month - 1]} {at.year}"
