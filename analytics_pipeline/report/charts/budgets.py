"""Chart of budgets: spend against elapsed time."""

from typing import Any

import altair as alt

from analytics_pipeline.report import chart_forms
from analytics_pipeline.report.chart_forms import EVERYTHING
from analytics_pipeline.report.charts.chart import Chart
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.style import ACCENT, IDLE, INK, MUTED

EXHAUSTED = (
    "(datum.exhausted_on === null || width < 420 ? '' : (datum.is_forecast ? ', exhausted by ' : ',"
    " exhausted since ') + utcFormat(datum.exhausted_on, '%-d %b'))"
)


TOOLTIP: list[alt.Tooltip | str] = [
    "budget:N",
    "covers:N",
    "state:N",
    alt.Tooltip("spent:Q", format="$,.2f"),
    alt.Tooltip("amount:Q", format="$,.2f"),
    alt.Tooltip("forecast:Q", format="$,.2f"),
    alt.Tooltip("low:Q", title="forecast at least", format="$,.2f"),
    alt.Tooltip("high:Q", title="forecast at most", format="$,.2f"),
    alt.Tooltip("time_share:Q", title="% of time", format=".0f"),
]


def budgets(_: Data) -> Chart:
    """Draw spend as a bar towards the amount, with the forecast's band and the elapsed time."""
    return Chart(
        name="budgets",
        title="Budgets",
        definition=(
            "Spent share of each budget (blue, red beyond the amount) and elapsed share of its"
            " period (upright line): a bar ahead of the line spends too fast. The orange mark is"
            " the forecast for the whole period, the pale band its 80 % band. Spend is in US"
            " dollars up to the newest UTC day with spend. Shows all budgets, regardless of the"
            " selection."
        ),
        data="budgets",
        where=EVERYTHING,
        drawing=_drawing(),
        missing="No budget is loaded.",
        keys=["budget"],
        values=["amount", "spent"],
        is_optional=True,
        wide=True,
    )


def _drawing() -> Any:
    """Draw each budget in a row: bars for money, upright lines for forecast and time."""
    base = _budget_rows()

    def bar(height: int, colour: str, opacity: float = 1.0) -> alt.Chart:
        return base.mark_bar(height=height, yOffset=10, color=colour, opacity=opacity, aria=False)

    def upright_line(height: int, colour: str) -> alt.Chart:
        return base.mark_tick(thickness=3, height=height, yOffset=10, color=colour, aria=False)

    def words(field: str, place: int | str, **style: Any) -> alt.Chart:
        return base.mark_text(dy=-10, aria=False, **style).encode(
            x=alt.value(place), text=f"{field}:N"
        )

    x = _share_axis
    layers = [
        bar(14, "var(--grid)").encode(x=x("whole"), tooltip=TOOLTIP),
        bar(14, "var(--orange)", 0.45).encode(x=x("low_share"), x2="high_share:Q", tooltip=TOOLTIP),
        bar(8, ACCENT).encode(x=x("spent_share"), tooltip=TOOLTIP),
        bar(8, IDLE)
        .transform_filter("datum.spent_share > 100")
        .transform_calculate(limit="100")
        .encode(x=x("limit"), x2="spent_share:Q", tooltip=TOOLTIP),
        upright_line(14, "var(--orange)").encode(x=x("forecast_share")),
        upright_line(22, INK).encode(x=x("time_share")),
        words("budget", 0, align="left", limit={"expr": "width - (width < 420 ? 110 : 220)"}),
        words("shown", "width", align="right", color=MUTED),
    ]
    return alt.layer(*layers).properties(width="container", height=alt.Step(56))


def _budget_rows() -> alt.Chart:
    """Return the budgets, each in a row of its own, with the text at its end."""
    return (
        chart_forms.rows("budgets")
        .transform_calculate(
            shown=(
                "format(datum.spent_share, ',.0f') + ' % of ' + format(datum.amount, '$,.0f') + "
                + EXHAUSTED
            ),
            whole="100",
        )
        .encode(
            y=alt.Y(
                "budget:N",
                sort=alt.EncodingSortField(field="place", op="min"),
                axis=None,
                scale=alt.Scale(paddingInner=0, paddingOuter=0),
            )
        )
    )


def _share_axis(field: str) -> alt.X:
    """Return a field on the axis of percentages, which reaches from 110 to at most 300."""
    most = (
        "min(300, max(110, extent(pluck(data('budgets'), 'high_share'))[1],"
        " extent(pluck(data('budgets'), 'spent_share'))[1]))"
    )
    return alt.X(
        f"{field}:Q",
        axis=alt.Axis(orient="bottom", labelExpr="datum.label + ' %'", grid=True, tickCount=5),
        scale=alt.Scale(domainMin=0, domainMax={"expr": most}, nice=False, clamp=True),
        title="Share of the amount (bars) and of the time (upright lines)",
    )
