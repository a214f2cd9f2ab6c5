"""The forms of charts: bars over time and ranked bars. `charts/` defines their content.

Everything here returns Altair charts over named data, which the page holds once (`data.name`).
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from analytics_pipeline.report.style import DATINGS, MUTED, SURFACE

ADDITIVE = "additive"
"""Rows per course (`course`), which add up over courses."""
EXACT = "exact"
"""Rows per selection of courses (`scope`), as they don't add up."""
EVERYTHING = "everything"
"""Rows that no selection filters."""

FIRST, LAST, STEP = (
    alt.param(name=name, value=value) for name, value in (("first", 0), ("last", 1), ("step", 1))
)
"""First day, end of the last day, and width of a bar, in milliseconds. The page's script sets
them."""

USD = "$,.2f"
DOLLARS = alt.Axis(labelExpr="format(datum.value, domain('y')[1] < 5 ? '$,.2f' : '$,.0f')")
COUNTS = alt.Axis(format=",.0f")
HAIRLINE = {"expr": "width > (last - first) / step * 6 ? 0.6 : 0"}
"""Width of the line between bars: zero for narrow bars, as it would only make them pale."""
_DAY = 86_400_000


def rows(data: str) -> alt.Chart:
    """Return the page's rows of a name.

    The script filters them by the selection, and adds course names.

    Days are numbers, milliseconds of UTC, so that no reader's clock moves them. A row has its
    course's `label`, a `short` name for narrow places, and the `group` that shares a colour.
    """
    return alt.Chart(alt.NamedData(data))


def over_time(
    base: alt.Chart,
    value: str,
    colour: alt.Color | alt.ColorValue,
    *,
    group: str | None,
    called: str | None = None,
    title: str,
    tooltip: Sequence[alt.Tooltip | str],
    axis: alt.Axis = COUNTS,
    dated: bool = False,
) -> alt.Chart:
    """Return stacked bars from zero, one per day or week.

    Args:
        base: rows with a `day` and the value.
        value: field that is summed to `total`.
        colour: colour of a bar's parts.
        group: field that distinguishes the parts; None for plain bars.
        called: field of a part's name in the tooltip, if it is not `group`.
        title: title of the value's axis, with the unit.
        tooltip: contents of a part's tooltip, besides its day.
        axis: axis of the value.
        dated: whether rows have a field `dating` (how their day is known), to draw as opacity.
    """
    parts = [field for field in (group, called, "dating" if dated else None) if field]
    encodings: dict[str, Any] = {
        "x": time_axis(),
        "x2": "until:T",
        "y": alt.Y("below:Q", title=title, axis=axis, scale=alt.Scale(zero=True)),
        "y2": "above:Q",
        "color": colour,
        "tooltip": [day_tooltip(), *tooltip],
    }
    if dated:
        encodings["opacity"] = alt.Opacity("dating:O", legend=None).scale(
            domain=list(DATINGS), range=list(DATINGS.values())
        )
    marks = _stacked(base, value, parts).mark_rect(stroke=SURFACE, strokeWidth=HAIRLINE, aria=False)
    return sized(marks.encode(**encodings), 240)


def _stacked(base: alt.Chart, value: str, parts: Sequence[str]) -> alt.Chart:
    """Return the rows summed by day and part, with each part's place in its bar."""
    return (
        base.transform_aggregate(total=f"sum({value})", groupby=["day", *parts])
        .transform_stack(
            stack="total",
            as_=["below", "above"],
            groupby=["day"],
            sort=[alt.SortField(part) for part in parts],
        )
        .transform_calculate(until="datum.day + step", when=WHEN)
    )


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
    """Return horizontal bars, the largest on top, each under its label: readable on a phone.

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
        return base.mark_text(dy=-7, aria=False, **style).encode(
            x=alt.value(place), text=f"{field}:N"
        )

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


WHEN = f"(step > {_DAY} ? 'Week from ' : '') + utcFormat(datum.day, '%a %d %b %Y')"
"""The day of a mark as text, in UTC."""


def time_axis() -> alt.X:
    """Return an axis of UTC days, the same in all charts."""
    words = "utcFormat(datum.value, last - first > 15e9 ? '%b %Y' : '%-d %b')"
    ticks = alt.Axis(labelExpr=words, tickCount={"expr": "max(2, floor(width / 110))"})
    scale = alt.Scale(
        type="utc", domainMin={"expr": "first"}, domainMax={"expr": "last"}, nice=False
    )
    return alt.X("day:T", scale=scale, title=None, axis=ticks)


def day_tooltip() -> alt.Tooltip:
    """Return a tooltip with the day of a mark, as formatted by `WHEN`."""
    return alt.Tooltip("when:N", title="Day")
