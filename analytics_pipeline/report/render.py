"""Render the page: charts, figures and scripts in one HTML file that makes no network request.

The templates of `page/` escape every value; the rows are JSON (`page_data.py`). The policy in the
page's head lets its own scripts run, by their hash, and nothing else.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from altair.utils.schemapi import debug_mode
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.report.charts import SECTIONS, Chart
from analytics_pipeline.report.data import Data, Row
from analytics_pipeline.report.figures import day, key_figures
from analytics_pipeline.report.health import health, warnings
from analytics_pipeline.report.month import month_figures
from analytics_pipeline.report.page_data import page_data
from analytics_pipeline.report.scopes import ALL, OTHER
from analytics_pipeline.report.tables import ANOMALIES, BUDGETS, CAPS, COURSES, IDLE_PARTS, Table
from analytics_pipeline.report.vega import vega_script

PERIOD = "90"
"""The period that the page opens with."""
SECTION_TABLES = {"Budgets and alarms": [BUDGETS, ANOMALIES, CAPS], "Money": [IDLE_PARTS]}
"""Tables that follow the charts of a section."""
ANCHORS = {"Budgets and alarms": "alarms", "Money": "money", "Use": "use", "The data": "data"}
"""Ids of the sections, which the contents link to."""


def render(data: Data, cache_dir: Path | None = None) -> str:
    """Return the whole page; see `vega_script` for the folder."""
    with debug_mode(False):  # Altair's own checks take half a second; the tests draw every chart
        return _render(data, vega_script(cache_dir))


def _render(data: Data, vega: Markup) -> str:
    sections = list(_sections(data))
    charts = [chart for section in sections for chart in section.charts]
    scripts = {"vega": vega, "script": _asset("page.js")}
    return (
        _templates()
        .get_template("page.html")
        .render(
            scripts,
            policy=_policy(scripts.values()),
            style=_asset("page.css"),
            published_at=f"{data.published_at:%Y-%m-%dT%H:%M:%SZ}",
            published=f"{day(data.published_at.date())}, {data.published_at:%H:%M} UTC",
            only=next((course for course in data.courses if course.key == data.course), None),
            covered=_covered(data),
            warnings=warnings(data),
            health=health(data),
            choices=_choices(data),
            periods=_periods(data),
            figures=key_figures(data, data.course or ALL, PERIOD),
            month=month_figures(data)[data.course or ALL],
            courses_table=COURSES,
            alarms=sections[0],
            sections=sections[1:],
            freshness=list(_freshness(data.freshness)),
            zone=data.zone,
            data=page_data(data, charts),
        )
    )


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    title: str
    anchor: str
    charts: Sequence[Chart]
    tables: Sequence[Table]


def _sections(data: Data) -> Iterator[Section]:
    """Yield the sections without optional empty charts and tables."""
    rows = {**data.tables, **data.charts}
    for title, makers in SECTIONS.items():
        charts = [
            chart
            for chart in (make(data) for make in makers)
            if rows[chart.data] or not chart.is_optional
        ]
        tables = [
            table
            for table in SECTION_TABLES.get(title, [])
            if rows[table.name] or not table.is_optional
        ]
        yield Section(title, ANCHORS[title], charts, tables)


def _choices(data: Data) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the filters: name, label for all, and values. Omits filters without values."""
    labels = {
        course.choice: "Other courses" if course.choice == OTHER else course.label
        for course in data.courses
    }
    departments = dict.fromkeys(course.department for course in data.courses if course.department)
    filters = [
        ("course", "All courses", list(labels.items())),
        ("term", "All terms", [(key, term.label) for key, term in data.terms.items()]),
        ("department", "All departments", [(name, name) for name in departments]),
        ("root", "All root courses", list(data.roots.items())),
    ]
    return [found for found in filters if found[2] or found[0] == "course"]


def _periods(data: Data) -> list[tuple[str, str]]:
    """Return the periods with their labels, which include the newest day."""
    newest = data.span.last_day
    month = f"{newest:%B %Y} to date" if newest else "This month"
    names = {"30": "30 days", "90": "90 days", "month": month, "term": "Term", "all": "Whole time"}
    known = {period for _, period, _ in data.windows}
    return [(period, name) for period, name in names.items() if period in known or period != "term"]


def _freshness(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each dataset with the cells of its row, even if it was never delivered."""
    loaded = {row["dataset"]: row for row in rows}
    for name in DATASETS:
        row = loaded.get(name)
        if row is None:
            yield name, ["nothing is loaded", "", "", ""]
            continue
        newest, written = (
            row["newest"] or "overwritten in place",
            f"{row['written']:%Y-%m-%d %H:%M}",
        )
        yield name, [newest, written, f"{row['files']:,}", f"{row['rows']:,}"]


def _covered(data: Data) -> str:
    span = data.span
    if span.first_day is None or span.last_day is None:
        return "Nothing is loaded yet"
    grain = ", week by week" if span.is_weekly else ", day by day"
    return f"{day(span.first_day)} to {day(span.last_day)}{grain}"


@cache
def _templates() -> Environment:
    """Return the templates of `page/`, which escape all values but this module's `Markup`."""
    loader = PackageLoader("analytics_pipeline.report", "page")
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(scripts: Iterable[str]) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none';"
        " form-action 'none'"
    )


@cache
def _asset(name: str) -> Markup:
    """Return a script or style of this package unchanged."""
    return Markup((files("analytics_pipeline.report") / "page" / name).read_text(encoding="utf-8"))  # noqa: S704  # a file of this package
