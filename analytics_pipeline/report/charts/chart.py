"""The chart value, and what charts share: course colours, money tooltips."""

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
        title: its heading.
        definition: in plain words: what is counted, and how.
        data: name of its rows in `Data.charts`.
        where: filter by course: `chart_forms.ADDITIVE`, EXACT or EVERYTHING.
        drawing: the Altair chart.
        missing: text if there is nothing to draw at all.
        keys: columns that identify rows of its table.
        values: columns of its table that are summed over all others.
        wide: whether it takes the page's full width.
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
        """Return the Vega-Lite spec, with the page's filter and a description for screen readers."""
        fit = alt.AutoSizeParams(type="fit-x", contains="padding")
        described = self.drawing.properties(description=f"{self.title}. {self.definition}", autosize=fit)
        return described.add_params(COURSE).to_dict()


def course_rows(courses: Sequence[Course]) -> list[dict[str, str]]:
    """Return each course's label, and its group, as only the largest courses have a colour of their own."""
    largest = {course.key for course in courses[: len(CATEGORIES)]} - {"other", "unknown"}
    groups = {course.key: course.label if course.key in largest else OTHERS for course in courses}
    groups["unknown"] = UNKNOWN
    return [{"course": course.key, "label": course.label, "group": groups[course.key]} for course in courses]


def time(data: Data) -> Time:
    """Return the days that charts over time draw."""
    step = timedelta(days=7 if data.span.is_weekly else 1)
    days = [row["day"] for name in ("spend", "sessions", "idle") for row in data.charts[name]]
    # Without rows nothing is drawn, but the chart still needs some days.
    first, last = (min(days), max(days)) if days else (date(2000, 1, 1), date(2000, 1, 1))
    return Time(first, last + step, data.span.is_weekly)


def per_bar(data: Data) -> str:
    """Return what one bar of those charts covers, in words."""
    return "week from Monday" if data.span.is_weekly else "UTC day"


def by_course(data: Data) -> alt.Color:
    """Return a course's colour, the same in every chart."""
    groups = list(dict.fromkeys(row["group"] for row in course_rows(data.courses)))
    colours = {**dict(zip(groups, CATEGORIES, strict=False)), OTHERS: OTHER, UNKNOWN: "var(--ink)"}
    return alt.Color("group:N", title=None).scale(domain=groups, range=[colours[group] for group in groups])


def by(field: str, colours: Mapping[str, str]) -> alt.Color:
    """Return a colour for each value of a field, present or not."""
    return alt.Color(f"{field}:N", title=None).scale(domain=list(colours), range=list(colours.values()))


def money(field: str) -> alt.Tooltip:
    """Return a tooltip in dollars and cents."""
    return alt.Tooltip(f"{field}:Q", title="spend", format=USD)
