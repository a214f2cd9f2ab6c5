"""The page's tables: their columns, and the rows of those that consist of figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics_pipeline.report.data import Data, Row
from analytics_pipeline.report.read import MOST_ANOMALIES, MOST_PARTS
from analytics_pipeline.report.scopes import PERIODS


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: field, heading, and format (text, count, usd, share, change, day, decimal)."""

    name: str
    title: str
    form: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that can be sorted and saved.

    Attributes:
        name: id in the page, and name of its rows.
        title: heading.
        definition: explanation of the columns.
        columns: from left to right.
        order: initial sort column, descending.
        missing: text if the table is empty.
        by: effect of the selected period. `all`: none; `period`: keep rows of that period; `day`:
            keep rows whose day is in it; `column`: show the column `idle_{period}`.
        is_optional: whether to omit the table if it has no rows.
    """

    name: str
    title: str
    definition: str
    columns: Sequence[Column]
    order: str
    missing: str
    by: str
    is_optional: bool = False


COURSES = Table(
    name="courses",
    title="Courses",
    definition=(
        "One line per course, for the selected period. Spend is in US dollars on AWS and Azure of"
        " all users, by UTC day. Change compares with the same number of loaded days before. Active"
        " people: users of any role with a session that started. All spend, of staff and of people"
        " who are not active too, is divided by their number and by the hours of all sessions; a"
        " dash if costs and sessions are loaded up to different days. marts.course_months has the"
        " cost per active student. Idle: share of spend on days without a session, from the second"
        " day after one, in the spend of days whose sessions are loaded. Never ready: share of"
        " launches whose lab was never ready."
    ),
    columns=(
        Column(name="label", title="Course", form="text"),
        Column(name="spend", title="Spend (USD)", form="usd"),
        Column(name="change", title="Change", form="change"),
        Column(name="per_active", title="All spend / active people (USD)", form="usd"),
        Column(name="per_hour", title="All spend / lab hours (USD)", form="usd"),
        Column(name="idle_share", title="Idle", form="share"),
        Column(name="never_ready", title="Never ready", form="share"),
        Column(name="users", title="Active people", form="count"),
        Column(name="hours", title="Lab hours", form="decimal"),
    ),
    order="spend",
    missing="No course has spend or a session in this period.",
    by="period",
)

IDLE_PARTS = Table(
    name="idle_parts",
    title="Idle spend by part",
    definition=(
        "Idle spend in US dollars by course and part of the lab, for the selected period: spend on"
        " days without a session of that person and part, from the second day after one. The other"
        " columns show how recent it is: the last UTC day with idle spend, its cost and number of"
        f" people, and the longest time without a session among them. Lists the {MOST_PARTS} parts"
        " with the most idle spend in the newest 90 days."
    ),
    columns=(
        Column(name="label", title="Course", form="text"),
        Column(name="part", title="Part", form="text"),
        Column(name="idle", title="Idle (USD)", form="usd"),
        Column(name="last_day", title="Last idle day", form="day"),
        Column(name="per_day", title="That day (USD)", form="usd"),
        Column(name="people", title="People", form="count"),
        Column(name="age", title="Days without session", form="count"),
    ),
    order="idle",
    missing="No money was spent on days without a session in this period, or no cost is loaded.",
    by="column",
)

BUDGETS = Table(
    name="budgets",
    title="Budget numbers",
    definition=(
        "The current period of each budget, otherwise the newest, regardless of the selection; US"
        " dollars by UTC day. Forecast: expected cost of the whole period; low and high: its 80 %"
        " band; error: past error at this distance. Exhausted on: day on which spend reached the"
        " amount, or will reach it by the forecast. Without a course: spend of the same days on"
        " unmapped parts, which budgets other than the organisation's may miss. Budgets overlap: do"
        " not add them up."
    ),
    columns=(
        Column(name="budget", title="Budget", form="text"),
        Column(name="covers", title="Covers", form="text"),
        Column(name="state", title="State", form="text"),
        Column(name="exhausted_on", title="Exhausted on", form="day"),
        Column(name="starts_on", title="From", form="day"),
        Column(name="ends_on", title="To", form="day"),
        Column(name="amount", title="Amount (USD)", form="usd"),
        Column(name="spent", title="Spent (USD)", form="usd"),
        Column(name="spent_share", title="% of money", form="decimal"),
        Column(name="time_share", title="% of time", form="decimal"),
        Column(name="forecast", title="Forecast (USD)", form="usd"),
        Column(name="low", title="Low (USD)", form="usd"),
        Column(name="high", title="High (USD)", form="usd"),
        Column(name="error_percent", title="Error (%)", form="decimal"),
        Column(name="without_course", title="Without a course (USD)", form="usd"),
    ),
    order="spent_share",
    missing="No budget is loaded.",
    by="all",
    is_optional=True,
)

ANOMALIES = Table(
    name="anomalies",
    title="Anomalies",
    definition=(
        "Days of the selected period on which a person's labs in a course cost at least ten times"
        " the course's median student-day, and at least ANOMALY_FLOOR_USD. Usual: median of the"
        " previous 28 days, in US dollars by UTC day. An episode consists of days at most three"
        f" apart. Lists the newest {MOST_ANOMALIES}. This page names no person:"
        " marts.spend_anomalies has the ids."
    ),
    columns=(
        Column(name="day", title="Day (UTC)", form="day"),
        Column(name="label", title="Course", form="text"),
        Column(name="who", title="Role", form="text"),
        Column(name="cost", title="That day (USD)", form="usd"),
        Column(name="median_cost", title="Usual (USD)", form="usd"),
        Column(name="times", title="Times the usual", form="decimal"),
        Column(name="since", title="Episode since", form="day"),
    ),
    order="day",
    missing=(
        "No anomaly: nobody's labs cost ten times the course's usual on a day of this period, or"
        " too few days are loaded."
    ),
    by="day",
)

CAPS = Table(
    name="caps",
    title="Students over their cap, and spend after a drop",
    definition=(
        "Number of students per course, month (UTC) and cap, for the newest three months regardless"
        " of the period. Cap: the budget's limit per student in its period. Students over it are"
        " counted in classes; above cap: their spend beyond it. After a drop: students who spent"
        " after they dropped or left the course, and that spend. US dollars. This page names no"
        " person: marts.student_spend_watch has the ids."
    ),
    columns=(
        Column(name="day", title="Month from", form="day"),
        Column(name="label", title="Course", form="text"),
        Column(name="cap", title="Cap (USD)", form="usd"),
        Column(name="students", title="Students with a cap", form="count"),
        Column(name="up_to_half_more", title="Over, up to 1.5 times", form="count"),
        Column(name="up_to_double", title="Up to double", form="count"),
        Column(name="over_double", title="Over double", form="count"),
        Column(name="above_cap", title="Above cap (USD)", form="usd"),
        Column(name="after_drop", title="Students after a drop", form="count"),
        Column(name="after_drop_cost", title="After a drop (USD)", form="usd"),
    ),
    order="day",
    missing="No student of this selection is over a cap or spent after a drop.",
    by="all",
    is_optional=True,
)

TABLES = {table.name: table for table in (BUDGETS, ANOMALIES, CAPS, COURSES, IDLE_PARTS)}


def course_lines(data: Data) -> list[Row]:
    """Return the numbers of each course and period.

    Ratios with a zero divisor, or of money and sessions of different days, are None.
    """
    choices = dict.fromkeys(course.choice for course in data.courses)
    return [line for choice in choices for line in _lines(data, choice)]


def _lines(data: Data, choice: str) -> Iterator[Row]:
    for period in PERIODS:
        spend, sessions = data.row("spend", choice, period), data.row("sessions", choice, period)
        spent, count = spend.get("spend", Decimal(0)), sessions.get("sessions", 0)
        if not spent and not count:
            continue
        users, hours = (
            data.row("active", choice, period).get("users", 0),
            (sessions.get("minutes") or 0) / 60,
        )
        same_days = data.windows.get((choice, period, "spend")) == data.windows.get(
            (choice, period, "sessions")
        )
        compared = data.row("compared", choice, period, "spend").get("days", 0)
        before = spend.get("before", Decimal(0)) if compared else Decimal(0)
        yield {
            "course": choice,
            "period": period,
            "spend": _rounded(spent, 2),
            "change": _ratio(spend.get("newest", Decimal(0)) - before, before),
            "per_active": _ratio(spent, users, 2) if same_days else None,
            "per_hour": _ratio(spent, hours, 2) if same_days else None,
            "idle_share": _ratio(
                data.row("idle", choice, period).get("idle") or 0, spend.get("judged", 0)
            ),
            "never_ready": _ratio(sessions.get("never_ready", 0), count),
            "users": users,
            "hours": _rounded(hours, 1),
        }


def _ratio(part: Any, whole: Any, digits: int = 4) -> float | None:
    return _rounded(Decimal(part) / Decimal(whole), digits) if whole > 0 else None


def _rounded(value: Any, digits: int) -> float:
    return round(float(value), digits)
