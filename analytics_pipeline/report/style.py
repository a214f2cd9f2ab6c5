"""Style of charts: fonts, axes, and colours as CSS variables of `page/page.css`.

A variable colour follows the page's theme, and print, without redrawing.
"""

from typing import Any

ACCENT, IDLE, INK, MUTED, SURFACE = (
    "var(--blue)",
    "var(--vermillion)",
    "var(--ink)",
    "var(--muted)",
    "var(--surface)",
)

CATEGORIES = [
    f"var(--{name})"
    for name in ("blue", "orange", "green", "purple", "sky", "vermillion", "yellow")
]
"""From Okabe and Ito's palette, which colour-blind people can tell apart; neighbours differ in
lightness too."""
OTHER = "var(--grey)"

PROVIDERS = {"aws": "var(--orange)", "azure": "var(--blue)"}
OUTCOMES = {"started": "var(--blue)", "failed": "var(--vermillion)"}
PERCENTILES = {"p50": "var(--green)", "p90": "var(--blue)", "p99": "var(--purple)"}
STATES = {
    "on time": "var(--delivered)",
    "late": "var(--late)",
    "missing": "var(--vermillion)",
    "failed": "var(--ink)",
}
DATINGS = {"as delivered": 1.0, "spread over several days": 0.5, "before the first file": 0.25}
"""Opacity of money whose day is known, estimated, or unknown."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

CONFIG: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "var(--grid)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelPadding": 6,
        "titlePadding": 10,
    },
    "axisX": {"grid": False, "labelOverlap": "greedy", "labelSeparation": 12},
    "axisY": {"domain": False, "ticks": False, "tickCount": 5},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "labelColor": INK,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "titleOrient": "left",
        "titlePadding": 12,
        "labelFontSize": 12,
        "symbolType": "square",
        "symbolSize": 110,
        "symbolStrokeWidth": 0,
        "columnPadding": 16,
        "rowPadding": 4,
        "offset": 14,
    },
    "text": {"color": INK, "fontSize": 13},
    "aria": True,
}
