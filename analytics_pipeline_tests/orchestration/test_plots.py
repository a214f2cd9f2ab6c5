"""The small plots in the Dagster UI."""

import base64
import re
from datetime import date, timedelta
from io import BytesIO

from PIL import Image

from analytics_pipeline.orchestration.ui.plots import rows_per_period

BARS, DOTS = (158, 202, 225), (203, 24, 29)
LEGEND = 24  # pixels at the top


def png(markdown: str | None) -> bytes:
    found = re.fullmatch(r"!\[[^]]*\]\(data:image/png;base64,([^)]+)\)", markdown or "")
    assert found, f"no picture: {markdown}"
    return base64.b64decode(found[1])


def drawn(picture: bytes, colour: tuple[int, int, int]) -> dict[int, int]:
    """The pixels of a colour below the legend: column -> how many."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    like = [
        x
        for x in range(image.width)
        for y in range(LEGEND, image.height)
        if sum(abs(a - b) for a, b in zip(image.getpixel((x, y)), colour, strict=True)) < 30
    ]
    return {x: like.count(x) for x in sorted(set(like))}


def test_a_plot_is_a_small_png_in_markdown() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(300)]
    picture = png(
        rows_per_period([(day, 100 + 7 * n % 50, n % 9 == 0) for n, day in enumerate(days)])
    )
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 10_000


def test_a_plot_has_a_bar_for_each_period_a_gap_for_a_missing_one_and_a_dot_for_rejects() -> None:
    picture = png(rows_per_period([(date(2026, 1, 1), 10, 0), (date(2026, 1, 3), 20, 5)]))
    bars, dots = drawn(picture, BARS), drawn(picture, DOTS)
    third = 480 // 3
    first, second, last = ([bars[x] for x in bars if x // third == at] for at in range(3))
    assert second == [], "nothing was loaded on the second day"
    assert first and last, "both days have a bar"
    assert abs(max(last) - 2 * max(first)) <= 2, "twice the rows, twice as high"
    assert dots and {x // third for x in dots} == {2}, "rejects of the third day alone"


def test_without_loaded_files_there_is_no_plot() -> None:
    assert rows_per_period([]) is None
