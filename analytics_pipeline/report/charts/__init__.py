"""The charts of the page: pure functions from the rows of `read.py` to Altair charts.

This is the package's interface. `chart_forms.py` draws the marks, `style.py` styles them.
"""

from collections.abc import Callable, Mapping, Sequence

from analytics_pipeline.report.charts import budgets, delivery, money, people, use
from analytics_pipeline.report.charts.chart import Chart, course_rows
from analytics_pipeline.report.data import Data

SECTIONS: Mapping[str, Sequence[Callable[[Data], Chart]]] = {
    "Budgets and alarms": (budgets.budgets,),
    "Money": (money.spend_by_provider, money.spend_by_course, money.top_services, money.idle_spend),
    "Use": (
        people.active_weekly,
        use.sessions_over_time,
        use.spend_against_sessions,
        people.student_spread,
        people.hours_against_score,
        use.launch_latency,
        use.concurrency,
        people.never_seen,
    ),
    "The data": (delivery.completeness, delivery.rejects),
}
"""The page from top to bottom. The filter does not affect the last section, which covers the whole
organisation."""

__all__ = ["SECTIONS", "Chart", "course_rows"]
