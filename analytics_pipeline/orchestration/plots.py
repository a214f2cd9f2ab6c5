"""Small pictures for the Dagster UI: a PNG within markdown, of a few kB. The charts of report.html are not made here."""

import base64
from collections.abc import Sequence
from datetime import date
from io import BytesIO

PERIODS_SHOWN = 120


def rows_per_period(figures: Sequence[tuple[date, int, int]]) -> str | None:
    """Rows and rejects over time as markdown with an embedded PNG; None if there is nothing to draw.

    Args:
        figures: period, rows, rejects; in any order.
    """
    shown = sorted(figures)[-PERIODS_SHOWN:]
    if not shown:
        return None
    # Half a second, which not every start of the code location needs.
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 1.7), dpi=72, layout="constrained")
    axes = figure.subplots()
    days = [day for day, _, _ in shown]
    # A bar for each period, so that a missing one is a gap.
    width = 25 if all(day.day == 1 for day in days) else 0.9
    axes.bar(days, [rows for _, rows, _ in shown], width, color="#9ecae1", label="rows")  # type: ignore[arg-type]
    rejects = [(day, count) for day, _, count in shown if count]
    if rejects:
        axes.scatter(
            [day for day, _ in rejects],  # type: ignore[arg-type]
            [count for _, count in rejects],
            color="#cb181d",
            s=12,
            label="rejects",
            zorder=3,
        )
    axes.set_ylim(bottom=0)
    locator = AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    picture = BytesIO()
    figure.savefig(picture, format="png", pil_kwargs={"optimize": True})
    encoded = base64.b64encode(picture.getvalue()).decode()
    return f"![Rows and rejects, {days[0]} to {days[-1]}](data:image/png;base64,{encoded})"
