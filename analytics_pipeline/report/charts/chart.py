"""The chart value, and what charts share: course colours, money tooltips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from analytics_pipeline.report.chart_forms import FIRST, LAST, STEP, USD
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.figures import day
from analytics_pipeline.report.names import shortened
from analytics_pipeline.report.scopes import UNKNOWN, Course
from analytics_pipeline.report.style import CATEGORIES, OTHER

OTHERS, NO_COURSE = "All other courses", "No known course"
SHORT, SHORTEST = 38, 20
"""Maximum length of names next to bars, and in legends."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure of the page.

    Attributes:
        name: its id in the page.
        title: its heading.
        definition: explanation of the numbers.
        data: name of its rows in `Data.charts`.
        where: how a selection of courses filters them: `chart_forms.ADDITIVE`, EXACT or EVERYTHING.
        what: kind of period that filters days: `spend`, `sessions`, or None if the chart has its
            own time range.
        is_weekly: whether each row is a week, even if other charts show days.
        most: maximum number of rows, the first by `place`; 0 for all.
        keeps_all: whether to draw courses that are not selected, too, but paler.
        drawing: the Altair chart.
        missing: text if there is nothing to draw.
        keys: columns that identify rows of its table.
        values: columns of its table that are summed over all others.
        is_optional: whether to omit the chart if it has no rows.
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
    what: str | None = None
    is_weekly: bool = False
    most: int = 0
    keeps_all: bool = False
    is_optional: bool = False
    wide: bool = False

    @property
    def spec(self) -> dict[str, Any]:
        """Return the Vega-Lite spec, with the drawn days and a text for screen readers."""
        fit = alt.AutoSizeParams(type="fit-x", contains="padding")
        described = self.drawing.properties(
            description=f"{self.title}. {self.definition}", autosize=fit
        )
        # The tests validate it with Vega-Lite itself.
        return described.add_params(FIRST, LAST, STEP).to_dict(validate=False)


def course_rows(courses: Sequence[Course]) -> list[dict[str, str | None]]:
    """Return each course's names, its colour group, and its filters."""
    labels = {course.key: course.label for course in courses} | {UNKNOWN: NO_COURSE}
    different = list(dict.fromkeys(labels.values()))
    short = dict(zip(different, shortened(different, SHORT), strict=True))
    largest = [course for course in courses[: len(CATEGORIES)] if course.is_named]
    groups = dict(
        zip(largest, shortened([course.label for course in largest], SHORTEST), strict=True)
    )
    named = [
        *courses,
        *([] if any(course.key == UNKNOWN for course in courses) else [Course(UNKNOWN, NO_COURSE)]),
    ]
    return [
        {
            "course": course.key,
            "label": labels[course.key],
            "short": short[labels[course.key]],
            "group": NO_COURSE if course.key == UNKNOWN else groups.get(course, OTHERS),
            "called": course.label if course in groups or course.key == UNKNOWN else OTHERS,
            "term": course.term,
            "department": course.department,
            "root": course.root,
        }
        for course in named
    ]


def per_bar(data: Data) -> str:
    """Return the time span of one bar, in words."""
    if data.span.is_weekly and data.span.daily_from:
        return (
            "UTC day (per week from Monday in a period that starts before"
            f" {day(data.span.daily_from)})"
        )
    return "UTC day"


def by_course(data: Data) -> alt.Color:
    """Return a course's colour, the same in every chart."""
    groups = list(dict.fromkeys(row["group"] for row in course_rows(data.courses)))
    colours = {
        **dict(zip(groups, CATEGORIES, strict=False)),
        OTHERS: OTHER,
        NO_COURSE: "var(--ink)",
    }
    return alt.Color("group:N", title=None).scale(
        domain=groups, range=[colours[group] for group in groups]
    )


def by(field: str, colours: Mapping[str, str]) -> alt.Color:
    """Return a colour for each value of a field, present or not."""
    return alt.Color(f"{field}:N", title=None).scale(
        domain=list(colours), range=list(colours.values())
    )


def money(field: str) -> alt.Tooltip:
    """Return a tooltip in dollars and cents."""
    return alt.Tooltip(f"{field}:Q", title="spend", format=USD)
