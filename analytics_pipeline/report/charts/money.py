"""Charts of spend: per day, by course, by service, and idle."""

import altair as alt

from analytics_pipeline.report import chart_forms
from analytics_pipeline.report.chart_forms import ADDITIVE, DOLLARS, EXACT, USD
from analytics_pipeline.report.charts.chart import Chart, by, by_course, money, per_bar
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.style import IDLE, PROVIDERS

NO_COST = "No spend yet: neither aws_cost nor azure_cost is loaded."


def spend_by_provider(data: Data) -> Chart:
    """Draw spend per day on AWS and Azure."""
    present = {row["provider"] for row in data.charts["spend"]}
    absent = sorted(set(PROVIDERS) - present) if present else []
    return Chart(
        name="spend-by-provider",
        title="Spend by provider",
        definition=(
            f"US dollars per {per_bar(data)}, the difference between two accumulated values. Bars"
            " are paler where a value covers several days and is spread evenly over them; palest"
            " for the first AWS file, whose value started to accumulate at an unknown time: only"
            " the whole time shows it."
            + "".join(f" No spend on {name} is loaded." for name in absent)
        ),
        data="spend",
        what="spend",
        where=ADDITIVE,
        drawing=chart_forms.over_time(
            chart_forms.rows("spend"),
            "cost",
            by("provider", PROVIDERS),
            group="provider",
            title="US dollars",
            axis=DOLLARS,
            tooltip=[alt.Tooltip("provider:N"), money("total"), alt.Tooltip("dating:N")],
            dated=True,
        ),
        missing=NO_COST,
        keys=["day", "provider"],
        values=["cost"],
        wide=True,
    )


def spend_by_course(data: Data) -> Chart:
    """Draw spend per day by course."""
    return Chart(
        name="spend-by-course",
        title="Spend by course",
        definition=(
            f"US dollars per {per_bar(data)} on AWS and Azure, by the course of the part. Each of"
            " the largest courses has its own colour. Spend of unmapped parts is listed as no"
            " known course, so that totals agree."
        ),
        data="spend",
        what="spend",
        where=ADDITIVE,
        drawing=chart_forms.over_time(
            chart_forms.rows("spend"),
            "cost",
            by_course(data),
            group="group",
            called="called",
            title="US dollars",
            axis=DOLLARS,
            tooltip=[alt.Tooltip("called:N", title="course"), money("total")],
        ),
        missing=NO_COST,
        keys=["day", "course"],
        values=["cost"],
        wide=True,
    )


def top_services(data: Data) -> Chart:
    """Draw AWS spend by service."""
    return Chart(
        name="top-services",
        title="Top AWS services",
        definition=(
            "US dollars per AWS service in the newest twelve months of service_spend. The newest"
            " month grows until Vocareum closes it."
        ),
        data="services",
        where=EXACT,
        drawing=chart_forms.ranked(
            chart_forms.rows("services"),
            "service",
            "cost",
            text=f"format(datum.cost, '{USD}')",
            rank=alt.SortField("place"),
            colour=PROVIDERS["aws"],
            tooltip=["service:N", money("cost")],
        ),
        missing="No spend by service: service_spend is not loaded.",
        keys=["service"],
        values=["cost"],
    )


def idle_spend(data: Data) -> Chart:
    """Draw spend on days without a session, except the first day after one."""
    return Chart(
        name="idle-spend",
        title="Idle spend",
        definition=(
            f"US dollars per {per_bar(data)} on days without a session of that user and part, from"
            " the second day after a session on: a bill may lag its session by a day. Causes"
            " include labs that still run, and storage. Bars are paler where a value covers"
            " several days."
        ),
        data="idle",
        what="spend",
        where=ADDITIVE,
        drawing=chart_forms.over_time(
            chart_forms.rows("idle"),
            "cost",
            alt.ColorValue(IDLE),
            group=None,
            title="US dollars",
            axis=DOLLARS,
            tooltip=[money("total"), alt.Tooltip("dating:N")],
            dated=True,
        ),
        missing=(
            "No idle spend: all money was spent on days with a session or the day after, or no cost"
            " is loaded."
        ),
        keys=["day"],
        values=["cost"],
    )
