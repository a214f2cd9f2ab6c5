"""Charts of deliveries: completeness and rejects, of the whole organisation."""

import altair as alt

from analytics_pipeline.report import chart_forms
from analytics_pipeline.report.chart_forms import EVERYTHING
from analytics_pipeline.report.charts.chart import Chart, by
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.style import STATES, SURFACE


def completeness(data: Data) -> Chart:
    """Draw each dataset's delivered, late, missing and failed periods."""
    names = sorted({row["dataset"] for row in data.charts["completeness"]})
    calendar = (
        chart_forms.rows("completeness")
        .transform_calculate(when=chart_forms.WHEN)
        .mark_rect(stroke=SURFACE, strokeWidth=chart_forms.HAIRLINE, aria=False)
        .encode(
            x=chart_forms.time_axis(),
            x2="until:T",
            y=alt.Y("dataset:N", title=None, sort=names, scale=alt.Scale(paddingInner=0.25)),
            color=by("state", STATES),
            tooltip=["dataset:N", chart_forms.day_tooltip(), "state:N"],
        )
        .properties(width="container", height=alt.Step(34))
    )
    return Chart(
        name="completeness",
        title="What was delivered",
        definition=(
            "Days or months between a dataset's first and last file. Missing: never delivered."
            " Failed: could not be loaded. Late: first written more than a day after it was due."
            + (" A week shows its worst day." if data.span.is_weekly else "")
        ),
        data="completeness",
        where=EVERYTHING,
        drawing=calendar,
        missing="Nothing is loaded yet, so missing files are unknown.",
        keys=["dataset", "day", "state"],
        values=["absent", "periods"],
        wide=True,
    )


def rejects(data: Data) -> Chart:
    """Draw the rules that reject most records."""
    return Chart(
        name="rejects",
        title="Rejected records",
        definition=(
            "Quarantined records, by the twelve rules broken most often. A record that breaks two"
            " rules counts in both."
        ),
        data="rejects",
        where=EVERYTHING,
        drawing=chart_forms.ranked(
            chart_forms.rows("rejects").transform_calculate(
                label="datum.dataset + ' · ' + datum.reason"
            ),
            "label",
            "records",
            text=(
                "format(datum.records, ',.0f') + ' in ' + datum.files + (datum.files == 1 ? ' file'"
                " : ' files')"
            ),
            rank=alt.SortField("place"),
            colour="var(--vermillion)",
            tooltip=["dataset:N", "reason:N", "records:Q", "files:Q"],
        ),
        missing="No record was rejected.",
        keys=["dataset", "reason"],
        values=["records", "files"],
        wide=True,
    )
