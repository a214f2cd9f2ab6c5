"""The charts of the page: pure functions from the rows that `read.py` brings to Altair.

This is the package's door. How marks are made is in `chart_forms.py`, how they look in `style.py`.
"""

from collections.abc import Callable, Mapping, Sequence

from analytics_pipeline.report.charts import delivery, money, use
from analytics_pipeline.report.charts.chart import Chart, course_rows
from analytics_pipeline.report.read import Data

SECTIONS: Mapping[str, Sequence[Callable[[Data], Chart]]] = {
    "Money": (money.spend_by_provider, money.spend_by_course, money.top_services, money.idle_spend),
    "Use": (
        use.sessions_over_time,
        use.spend_against_sessions,
        use.student_spread,
        use.launch_latency,
        use.concurrency,
        use.never_seen,
    ),
    "The data": (delivery.completeness, delivery.rejects),
}
"""The page from top to bottom; the last section is about the whole organisation, whatever the filter says."""

__all__ = ["SECTIONS", "Chart", "course_rows"]
