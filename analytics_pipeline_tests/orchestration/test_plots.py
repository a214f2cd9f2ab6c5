"""The small plots in the Dagster UI."""

import base64
import re
from datetime import date, timedelta

from analytics_pipeline.orchestration.ui.plots import rows_per_period


def test_a_plot_is_a_small_png_in_markdown() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(300)]
    markdown = rows_per_period([(day, 100 + 7 * n % 50, n % 9 == 0) for n, day in enumerate(days)])
    picture = base64.b64decode(re.search(r"base64,([^)]+)\)", markdown or "")[1])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 10_000


def test_nothing_loaded_is_no_plot() -> None:
    assert rows_per_period([]) is None
