"""Charts of lab use: sessions, waiting times and concurrency."""

import altair as alt

from analytics_pipeline.report import chart_forms
from analytics_pipeline.report.chart_forms import ADDITIVE, DOLLARS, EXACT
from analytics_pipeline.report.charts.chart import Chart, by, by_course, money, per_bar
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.style import ACCENT, OUTCOMES, PERCENTILES, SURFACE

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
FROM_ZERO = alt.Scale(zero=True)


def sessions_over_time(data: Data) -> Chart:
    """Draw sessions and failed launches."""
    return Chart(
        name="sessions-over-time",
        title="Sessions",
        definition=(
            f"Lab sessions per {per_bar(data)} of their start. Failed: launches whose machine never"
            " started. A gap means that no file was delivered, or that it has no sessions."
        ),
        data="sessions",
        what="sessions",
        where=ADDITIVE,
        drawing=chart_forms.over_time(
            chart_forms.rows("sessions"),
            "sessions",
            by("outcome", OUTCOMES),
            group="outcome",
            title="Sessions",
            tooltip=[
                alt.Tooltip("outcome:N"),
                alt.Tooltip("total:Q", title="sessions", format=",.0f"),
            ],
        ),
        missing="No sessions yet: lab_sessions is not loaded.",
        keys=["day", "outcome"],
        values=["sessions"],
        wide=True,
    )


def spend_against_sessions(data: Data) -> Chart:
    """Draw courses as points."""
    points = (
        chart_forms.rows("course_totals")
        .transform_filter("indexof(datum.course, 'other') !== 0")
        .mark_circle(aria=False)
        .encode(
            x=alt.X(
                "sessions:Q",
                title="Sessions",
                axis=alt.Axis(format=",.0f", tickCount=5),
                scale=FROM_ZERO,
            ),
            y=alt.Y("cost:Q", title="US dollars", axis=DOLLARS, scale=FROM_ZERO),
            size=alt.Size("students:Q", legend=None).scale(range=[60, 900], zero=True),
            color=by_course(data),
            opacity=alt.condition("datum.chosen", alt.value(0.85), alt.value(0.15)),
            tooltip=[
                alt.Tooltip("label:N", title="course"),
                "sessions:Q",
                money("cost"),
                "students:Q",
            ],
        )
    )
    return Chart(
        name="spend-against-sessions",
        title="Spend against sessions, by course",
        definition=(
            "Each point is a course over all time: sessions and US dollars of all users. The larger"
            " the point, the more students are enrolled."
        ),
        data="course_totals",
        where=ADDITIVE,
        keeps_all=True,
        drawing=chart_forms.sized(points, 300),
        missing="No course has a session, spend or a student yet.",
        keys=["course"],
        values=["sessions", "cost", "students"],
    )


def launch_latency(data: Data) -> Chart:
    """Draw how long people wait for a lab."""
    lines = (
        chart_forms.rows("latency")
        .transform_calculate(when="'Week from ' + utcFormat(datum.day, '%a %d %b %Y')")
        .mark_line(strokeWidth=2.25, aria=False, point={"size": 36, "filled": True})
        .encode(
            x=chart_forms.time_axis(),
            y=alt.Y("minutes:Q", title="Minutes", scale=FROM_ZERO),
            color=by("percentile", PERCENTILES),
            tooltip=[
                chart_forms.day_tooltip(),
                "percentile:N",
                "minutes:Q",
                alt.Tooltip("launches:Q", format=",.0f"),
            ],
        )
    )
    return Chart(
        name="launch-latency",
        title="Waiting for a lab",
        definition=(
            "Minutes from Start Lab to ready, per week: half of the launches were ready within p50,"
            " 90 % within p90, 99 % within p99. p90 needs at least 10 launches in the week, p99 at"
            " least 100."
        ),
        data="latency",
        what="sessions",
        is_weekly=True,
        where=EXACT,
        drawing=chart_forms.sized(lines, 260),
        missing="No launch times: lab_sessions is not loaded, or has no launch times.",
        keys=["day", "percentile"],
        values=["minutes", "launches"],
        wide=True,
    )


def concurrency(data: Data) -> Chart:
    """Draw when labs run."""
    hours = alt.Axis(labelAngle=0, domain=False, ticks=False, labelSeparation=4)
    legend = alt.Legend(title="Sessions", symbolFillColor=ACCENT, tickCount=4, columns=4)
    cells = (
        chart_forms.rows("concurrency")
        .transform_calculate(weekday_name=f"{WEEKDAYS}[datum.weekday - 1]")
        .mark_rect(color=ACCENT, cornerRadius=2, stroke=SURFACE, strokeWidth=1.5, aria=False)
        .encode(
            x=alt.X("hour:O", title=f"Hour of the day ({data.zone})", axis=hours).scale(
                domain=list(range(24))
            ),
            y=alt.Y("weekday_name:N", title=None, sort=WEEKDAYS).scale(domain=WEEKDAYS),
            opacity=alt.Opacity("usual:Q", legend=legend).scale(zero=True, range=[0.04, 1]),
            tooltip=[
                alt.Tooltip("weekday_name:N", title="day"),
                "hour:O",
                alt.Tooltip("usual:Q", title="usual peak"),
                alt.Tooltip("highest:Q", title="highest peak"),
            ],
        )
    )
    return Chart(
        name="concurrency",
        title="Labs running at once",
        definition=(
            f"Sessions that run at once, at the peak of each hour ({data.zone}), averaged over the"
            " newest 13 weeks regardless of the period. An hour without sessions counts as zero."
        ),
        data="concurrency",
        where=EXACT,
        drawing=chart_forms.sized(cells, 230),
        missing="No sessions in the newest 13 weeks.",
        keys=["weekday", "hour"],
        values=["usual", "highest"],
    )
