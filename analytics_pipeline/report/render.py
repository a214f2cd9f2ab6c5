"""Render the page: charts, figures and scripts in one HTML file that makes no network request.

The templates in `page/` escape every value; the rows are JSON without anything that parses as markup. The content security
policy in the page's head allows only its own scripts, by hash.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.report.charts import SECTIONS, Chart, course_rows
from analytics_pipeline.report.figures import day, key_figures
from analytics_pipeline.report.read import Data, Row
from analytics_pipeline.report.style import CONFIG

_LOST_NAMED = 5
"""Maximum number of files named in the health line."""


def render(data: Data) -> str:
    """Return the whole page."""
    sections = {title: [make(data) for make in makers] for title, makers in SECTIONS.items()}
    scripts = {"vega": _vega(), "script": _asset("page.js")}
    return (
        _templates()
        .get_template("page.html")
        .render(
            scripts,
            policy=_policy(scripts.values()),
            style=_asset("page.css"),
            published=f"{day(data.published_at.date())}, {data.published_at:%H:%M} UTC",
            covered=_covered(data),
            warnings=[*([data.silent] if data.silent else []), *data.withheld, *data.failing],
            courses=data.courses,
            figures=key_figures(data),
            figures_until=f"30 days to {day(data.span.last_day)}" if data.span.last_day else "Nothing is loaded yet",
            sections=sections,
            freshness=list(_freshness(data.freshness)),
            lost=_lost(data.lost),
            data=_json(_page_data(data, [chart for charts in sections.values() for chart in charts])),
        )
    )


def _page_data(data: Data, charts: Sequence[Chart]) -> dict[str, Any]:
    """Return the script's data: each set of rows once, column names apart from the values."""
    courses = course_rows(data.courses)
    return {
        "config": CONFIG,
        "rows": {name: _columns(rows) for name, rows in {**data.charts, "courses": courses}.items()},
        "figures": {
            course: [[figure.value, figure.note] for figure in key_figures(data, course)]
            for course in ("all", *(course.key for course in data.courses))
        },
        "charts": {
            chart.name: {
                "data": chart.data,
                "where": chart.where,
                "keys": chart.keys,
                "values": chart.values,
                "spec": chart.spec,
            }
            for chart in charts
        },
    }


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    return {"columns": list(rows[0]) if rows else [], "rows": [list(row.values()) for row in rows]}


def _lost(lost: Sequence[Row]) -> str:
    """Return the files with absences, for which figures rest on earlier versions; empty if there are none."""
    named = "; ".join(f"{row['dataset']} {row['partition']}: {row['detail']}" for row in lost[:_LOST_NAMED])
    return f"{named}; and {len(lost) - _LOST_NAMED:,} more" if len(lost) > _LOST_NAMED else named


def _freshness(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each dataset with the cells of its line; one that was never delivered has a line too."""
    loaded = {row["dataset"]: row for row in rows}
    for name in DATASETS:
        row = loaded.get(name)
        if row is None:
            yield name, ["nothing is loaded", "", "", ""]
            continue
        newest, written = row["newest"] or "overwritten in place", f"{row['written']:%Y-%m-%d %H:%M}"
        yield name, [newest, written, f"{row['files']:,}", f"{row['rows']:,}"]


def _covered(data: Data) -> str:
    span = data.span
    if span.first_day is None or span.last_day is None:
        return "Nothing is loaded yet"
    grain = ", week by week" if span.is_weekly else ", day by day"
    return f"{day(span.first_day)} to {day(span.last_day)}{grain}"


@cache
def _templates() -> Environment:
    """Return the templates of `page/`, which escape every value that is not `Markup` from this module."""
    loader = PackageLoader("analytics_pipeline.report", "page")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _policy(scripts: Iterable[str]) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@cache
def _vega() -> Markup:
    """Return Vega, Vega-Lite and Vega-Embed as one script, without an end tag, which would end its element."""
    return Markup(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script"))  # noqa: S704  # a library's script


@cache
def _asset(name: str) -> Markup:
    """Return a script or style of this package unchanged."""
    return Markup((files("analytics_pipeline.report") / "page" / name).read_text(encoding="utf-8"))  # noqa: S704  # a file of this package


def _json(value: object) -> Markup:
    """Return JSON in which nothing parses as markup, whatever courses are called."""
    written = json.dumps(value, default=_plain, ensure_ascii=True, separators=(",", ":"))
    return Markup(written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704  # escaped above


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not belong in the page")
