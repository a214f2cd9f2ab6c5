"""Shared chart types: bars over time, ranked bars, and the filter by course. The charts themselves are in `charts/`.

Everything here returns Altair charts over named data, which the page holds once (`data.name`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import altair as alt

from analytics_pipeline.report.style import DATINGS, MUTED, SURFACE

COURSE = alt.param(name="course", value="all")
"""The page's filter; a script sets it in every chart."""
ADDITIVE = "course === 'all' || datum.course === course"
"""Filter for rows that can be summed over courses."""
EXACT = "datum.course === course"
"""Filter for rows that include rows for the course 'all'."""
EVERYTHING = "true"
"""Filter for rows without a course."""

USD = "$,.2f"
DOLLARS = alt.Axis(labelExpr="format(datum.value, domain('y')[1] < 5 ? '$,.2f' : '$,.0f')")
COUNTS = alt.Axis(format=",.0f")
_MILLISECONDS = 86_400_000


def rows(data: str, where: str, *days: str) -> alt.Chart:
    """Return a chart over the named rows that pass the filter.

    Args:
        data: name of the rows.
        where: ADDITIVE, EXACT or another predicate.
        days: columns that are days; they are parsed as UTC, whatever the reader's timezone.
    """
    parse = dict.fromkeys(days, 'utc:"%Y-%m-%d"')
    return alt.Chart(
        alt.NamedData(data, format=alt.DataFormat(parse=parse) if days else alt.Undefined)  # type: ignore[no-untyped-call]
    ).transform_filter(where)


def labelled(chart: alt.Chart, *fields: str) -> alt.Chart:
    """Add the course's name (`label`), or its `group` in a chart that colours only the largest courses."""
    courses = alt.LookupData(alt.NamedData("courses"), key="course", fields=list(fields))
    return chart.transform_lookup(lookup="course", from_=courses)


@dataclass(frozen=True)
class Time:
    """Shared settings of charts over time: all have the same first and last day, whatever the filter is.

    Attributes:
        first: the first day drawn.
        last: the day after the last one drawn.
        is_weekly: whether a bar is a week, which begins on Monday.
    """

    first: date
    last: date
    is_weekly: bool

    @property
    def hairline(self) -> dict[str, str]:
        """Return the width of the line between bars: none between narrow bars, which it would only make pale."""
        bars = (self.last - self.first).days // (7 if self.is_weekly else 1)
        return {"expr": f"width > {bars * 6} ? 0.6 : 0"}

    def axis(self) -> alt.X:
        """Return the x axis: days in UTC."""
        ends = [{"expr": f"utc({at.year}, {at.month - 1}, {at.day})"} for at in (self.first, self.last)]
        return time_axis(self.is_weekly, *ends)


def over_time(
    base: alt.Chart,
    value: str,
    colour: alt.Color | alt.ColorValue,
    *,
    group: str | None,
    title: str,
    tooltip: Sequence[alt.Tooltip | str],
    time: Time,
    axis: alt.Axis = COUNTS,
    dated: bool = False,
) -> alt.Chart:
    """Return stacked bars from zero, one per day or week.

    Args:
        base: rows with a `day` and the value.
        value: field to sum, as `total`.
        colour: colour of a bar's parts.
        group: field of the parts, if it has any.
        title: title of the value's axis, with the unit.
        tooltip: tooltip of a part, besides its day.
        time: the days drawn.
        axis: axis of the value.
        dated: whether rows say how their day is known (`dating`), which is drawn as opacity.
    """
    parts = [*([group] if group else []), *(["dating"] if dated else [])]
    chart = (
        base.transform_aggregate(total=f"sum({value})", groupby=["day", *parts])
        .transform_stack(
            stack="total", as_=["below", "above"], groupby=["day"], sort=[alt.SortField(part) for part in parts]
        )
        .transform_calculate(until=f"+datum.day + {(7 if time.is_weekly else 1) * _MILLISECONDS}")
    )
    encodings: dict[str, Any] = {
        "x": time.axis(),
        "x2": "until:T",
        "y": alt.Y("below:Q", title=title, axis=axis, scale=alt.Scale(zero=True)),
        "y2": "above:Q",
        "color": colour,
        "tooltip": [day_tooltip(time.is_weekly), *tooltip],
    }
    if dated:
        encodings["opacity"] = alt.Opacity("dating:O", legend=None).scale(
            domain=list(DATINGS), range=list(DATINGS.values())
        )
    return sized(chart.mark_rect(stroke=SURFACE, strokeWidth=time.hairline, aria=False).encode(**encodings), 240)


def ranked(
    base: alt.Chart,
    label: str,
    bars: str,
    *,
    text: str,
    rank: alt.SortField,
    colour: str,
    tooltip: Sequence[alt.Tooltip | str],
    whole: str | None = None,
) -> Any:
    """Return horizontal bars, the largest on top, each under its own label: readable on a phone, however long the label.

    Args:
        base: the rows.
        label: field of the label.
        bars: field of the length.
        text: expression of the text at the right.
        rank: field that orders them.
        colour: colour of the bars.
        tooltip: tooltip of a bar.
        whole: field of a pale background bar, for a share of a whole.
    """
    base = base.transform_calculate(shown=text).encode(
        y=alt.Y(f"{label}:N", sort=rank, axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    )

    def bar(field: str, fill: str) -> alt.Chart:
        length = alt.X(f"{field}:Q", axis=None, scale=alt.Scale(zero=True, nice=False), stack=None)
        mark = base.mark_bar(height=10, yOffset=9, cornerRadiusEnd=2, color=fill, aria=False)
        return mark.encode(x=length, tooltip=list(tooltip))

    def words(field: str, place: int | str, **style: Any) -> alt.Chart:
        return base.mark_text(dy=-7, aria=False, **style).encode(x=alt.value(place), text=f"{field}:N")

    layers = [
        *([bar(whole, "var(--grid)")] if whole else []),
        bar(bars, colour),
        words(label, 0, align="left", limit={"expr": "width - 110"}),
        words("shown", "width", align="right", color=MUTED),
    ]
    return alt.layer(*layers).properties(width="container", height=alt.Step(42))


def sized(chart: Any, height: int) -> Any:
    """Set the height in pixels; the width follows the page."""
    return chart.properties(width="container", height=height)


def time_axis(is_weekly: bool, first: Any = alt.Undefined, last: Any = alt.Undefined) -> alt.X:
    """Return an x axis of days in UTC, from the first to the last row unless both ends are given."""
    ticks = alt.Axis(format="%b %Y" if is_weekly else "%-d %b", tickCount={"expr": "max(2, floor(width / 110))"})
    scale = alt.Scale(type="utc", domainMin=first, domainMax=last, nice=False)
    return alt.X("day:T", scale=scale, title=None, axis=ticks)


def day_tooltip(is_weekly: bool) -> alt.Tooltip:
    """Return the tooltip of a mark's day, in UTC."""
    return alt.Tooltip("utcyearmonthdate(day):T", title="Week from" if is_weekly else "Day", format="%a %d %b %Y")
