"""What a chart is, and what charts share: the colours of courses, the tooltip of money. No chart itself belongs here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import altair as alt

from analytics_pipeline.report.chart_forms import COURSE, USD, Time
from analytics_pipeline.report.read import Course, Data
from analytics_pipeline.report.style import CATEGORIES, OTHER

OTHERS, UNKNOWN = "All other courses", "No known course"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure of the page.

    Attributes:
        name: its id in the page.
        title: what stands above it.
        definition: in plain words: what is counted, and how.
        data: name of its rows in `Data.charts`.
        where: which of them a course has: `marks.ADDITIVE`, EXACT or EVERYTHING.
        drawing: the Altair chart.
        missing: what to say when there is nothing to draw at all.
        keys: columns of its table that tell rows apart.
        values: columns of its table that are added up over all others.
        wide: whether it takes the page's whole width.
    """

    name: str
    title: str
    definition: str
    data: str
    where: str
    drawing: Any
    missing: str
    keys: Sequence[str]
    values: Sequence[str]
    wide: bool = False

    @property
    def spec(self) -> dict[str, Any]:
        """Vega-Lite, with the page's filter and what a screen reader says of it."""
        fit = alt.AutoSizeParams(type="fit-x", contains="padding")
        described = self.drawing.properties(description=f"{self.title}. {self.definition}", autosize=fit)
        return described.add_params(COURSE).to_dict()


def course_rows(courses: Sequence[Course]) -> list[dict[str, str]]:
    """What charts call a course: its label, and its group where only the largest have a colour of their own."""
    largest = {course.key for course in courses[: len(CATEGORIES)]} - {"other", "unknown"}
    groups = {course.key: course.label if course.key in largest else OTHERS for course in courses}
    groups["unknown"] = UNKNOWN
    return [{"course": course.key, "label": course.label, "group": groups[course.key]} for course in courses]


def time(data: Data) -> Time:
    """The days that charts over time draw."""
    step = timedelta(days=7 if data.span.is_weekly else 1)
    days = [row["day"] for name in ("spend", "sessions", "idle") for row in data.charts[name]]
    # Without any row nothing is drawn, but a chart needs some days to be one.
    first, last = (min(days), max(days)) if days else (date(2000, 1, 1), date(2000, 1, 1))
    return Time(first, last + step, data.span.is_weekly)


def per_bar(data: Data) -> str:
    """What a bar of those charts covers, in words."""
    return "week from Monday" if data.span.is_weekly else "UTC day"


def by_course(data: Data) -> alt.Color:
    """The same colour for a course in every chart."""
    groups = list(dict.fromkeys(row["group"] for row in course_rows(data.courses)))
    colours = {**dict(zip(groups, CATEGORIES, strict=False)), OTHERS: OTHER, UNKNOWN: "var(--ink)"}
    return alt.Color("group:N", title=None).scale(domain=groups, range=[colours[group] for group in groups])


def by(field: str, colours: Mapping[str, str]) -> alt.Color:
    """A colour for each value of a field, whichever of them there are."""
    return alt.Color(f"{field}:N", title=None).scale(domain=list(colours), range=list(colours.values()))


def money(field: str) -> alt.Tooltip:
    """Dollars and cents in a tooltip."""
    return alt.Tooltip(f"{field}:Q", title="spend", format=USD)
