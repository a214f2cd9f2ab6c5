"""Small plots for the Dagster UI: PNGs of a few kB, embedded in markdown.

`report/` makes the charts of report.html. Drawn with Pillow: importing matplotlib would slow down a
run that loads one day (measured: 1.7 s of CPU against 0.1 s).
"""

import base64
from collections.abc import Sequence
from datetime import date
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

PERIODS_SHOWN = 120
_WIDTH, _HEIGHT, _TOP, _BOTTOM = 480, 130, 24, 18  # pixels; above and below the bars
_PAPER, _ROWS, _REJECTS, _TEXT = "#ffffff", "#9ecae1", "#cb181d", "#555555"

Figures = Sequence[tuple[date, int, int]]


def rows_per_period(figures: Figures) -> str | None:
    """Plot rows and rejects over time as markdown with a PNG; None without data.

    Args:
        figures: first day of the period, rows, rejects; in any order.
    """
    shown = sorted(figures)[-PERIODS_SHOWN:]
    if not shown:
        return None
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    _draw_bars(draw, shown)
    _draw_words(draw, shown)
    picture = BytesIO()
    image.quantize(16).save(picture, format="png", optimize=True)
    encoded = base64.b64encode(picture.getvalue()).decode()
    return f"![Rows and rejects, {shown[0][0]} to {shown[-1][0]}](data:image/png;base64,{encoded})"


def _draw_bars(draw: ImageDraw.ImageDraw, shown: Figures) -> None:
    """Draw a bar per period, placed by date so that gaps show, and a dot for rejects."""
    first, last = shown[0][0], shown[-1][0]
    step = 30 if all(day.day == 1 for day, _, _ in shown) else 1
    slot = _WIDTH / ((last - first).days / step + 1)
    base = _HEIGHT - _BOTTOM
    scale = (base - _TOP) / max(1, *(max(rows, rejects) for _, rows, rejects in shown))
    for day, rows, rejects in shown:
        left = (day - first).days / step * slot
        if rows:
            draw.rectangle(
                (left, base - max(1, rows * scale), left + max(1, slot * 0.8) - 1, base - 1),
                fill=_ROWS,
            )
        if rejects:
            middle, height = left + slot * 0.4, base - rejects * scale
            draw.ellipse((middle - 2, height - 3, middle + 2, height + 1), fill=_REJECTS)
    draw.line((0, base, _WIDTH, base), fill=_TEXT)


def _draw_words(draw: ImageDraw.ImageDraw, shown: Figures) -> None:
    font = ImageFont.load_default(11)
    most = (
        f"most: {max(rows for _, rows, _ in shown):,} rows,"
        f" {max(rejects for _, _, rejects in shown):,} rejects"
    )
    draw.rectangle((2, 6, 10, 14), fill=_ROWS)
    draw.text((14, 4), "rows", fill=_TEXT, font=font)
    draw.ellipse((52, 8, 57, 13), fill=_REJECTS)
    draw.text((61, 4), "rejects", fill=_TEXT, font=font)
    draw.text((_WIDTH - 2, 4), most, fill=_TEXT, font=font, anchor="ra")
    draw.text((2, _HEIGHT - 2), str(shown[0][0]), fill=_TEXT, font=font, anchor="ls")
    draw.text((_WIDTH - 2, _HEIGHT - 2), str(shown[-1][0]), fill=_TEXT, font=font, anchor="rs")
