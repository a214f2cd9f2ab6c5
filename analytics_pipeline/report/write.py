"""The page: charts, figures and scripts put into one HTML file that asks the network for nothing.

Data from the organisation enters the page as escaped text or as JSON that no parser takes for markup; the policy in
the page's head lets its own scripts run, by their hash, and nothing else. How it looks and behaves is in `page/`.
"""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import vl_convert

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.report.charts import SECTIONS, Chart, course_rows
from analytics_pipeline.report.figures import day, key_figures
from analytics_pipeline.report.read import Data, Row, read
from analytics_pipeline.report.style import CONFIG
from analytics_pipeline.storage.folders import make_below
from analytics_pipeline.warehouse.files import replacing

_LOST_NAMED = 5
"""Files that the health line names."""


def write_report(published: Path, target: Path) -> Path:
    """Write the report of a published file, in place of the one before.

    Args:
        published: the published file; it is opened read-only.
        target: the HTML file. A file of ours keeps its mode; a first one is 0600, or 0640 in a shared folder. Its folder is made if need be.

    Returns:
        The target.

    Raises:
        ReportError: there is no published file, or tables are missing from it.
        OSError: the target can't be written; what was there is as it was.
    """
    page = render(read(published))
    make_below(target.parent)
    with replacing(target) as fresh:
        fresh.write_text(page, encoding="utf-8")
    return target


def render(data: Data) -> str:
    """The whole page."""
    sections = {title: [make(data) for make in makers] for title, makers in SECTIONS.items()}
    scripts = {"vega": _vega(), "script": _part("page.js")}
    return Template(_part("page.html")).substitute(
        scripts,
        policy=_policy(scripts.values()),
        style=_part("page.css"),
        published=f"{day(data.published_at.date())}, {data.published_at:%H:%M} UTC",
        covered=_covered(data),
        banner=_banner([*([data.silent] if data.silent else []), *data.withheld, *data.failing]),
        courses="".join(f'<option value="{_text(one.key)}">{_text(one.label)}</option>' for one in data.courses),
        figures="".join(
            f"<div><dt>{_text(one.title)}</dt><dd><strong>{_text(one.value)}</strong><span>{_text(one.note)}</span></dd></div>"
            for one in key_figures(data)
        ),
        figures_until=f"30 days to {day(data.span.last_day)}" if data.span.last_day else "Nothing is loaded yet",
        sections="".join(_section(title, charts) for title, charts in sections.items()),
        freshness=_freshness(data.freshness),
        health=_health(data.lost),
        data=_json(_page_data(data, [chart for charts in sections.values() for chart in charts])),
    )


def _page_data(data: Data, charts: Sequence[Chart]) -> dict[str, Any]:
    """What the script needs: rows once each, column names apart from the values."""
    courses = course_rows(data.courses)
    return {
        "config": CONFIG,
        "rows": {name: _columns(rows) for name, rows in {**data.charts, "courses": courses}.items()},
        "figures": {
            course: [[one.value, one.note] for one in key_figures(data, course)]
            for course in ("all", *(one.key for one in data.courses))
        },
        "charts": {
            one.name: {"data": one.data, "where": one.where, "keys": one.keys, "values": one.values, "spec": one.spec}
            for one in charts
        },
    }


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    return {"columns": list(rows[0]) if rows else [], "rows": [list(row.values()) for row in rows]}


def _section(title: str, charts: Sequence[Chart]) -> str:
    return f'<section aria-label="{_text(title)}"><h2>{_text(title)}</h2><div class="charts">{"".join(map(_figure, charts))}</div></section>'


def _figure(chart: Chart) -> str:
    return Template(_part("figure.html")).substitute(
        name=chart.name,
        wide="wide" if chart.wide else "",
        title=_text(chart.title),
        definition=_text(chart.definition),
        missing=_text(chart.missing),
    )


def _health(lost: Sequence[Row]) -> str:
    """A line on files of which something is missing, so that the figures rest on what was loaded before; empty if none."""
    if not lost:
        return ""
    named = "; ".join(f"{row['dataset']} {row['partition']}: {row['detail']}" for row in lost[:_LOST_NAMED])
    more = f"; and {len(lost) - _LOST_NAMED:,} more" if len(lost) > _LOST_NAMED else ""
    return f'<p class="health"><strong>Not as delivered:</strong> {_text(named + more)}.</p>'


def _freshness(rows: Sequence[Row]) -> str:
    """The table of datasets; one that was never delivered says so instead of missing."""
    loaded = {row["dataset"]: row for row in rows}
    lines = []
    for name in DATASETS:
        row = loaded.get(name)
        cells = (
            [
                row["newest"] or "overwritten in place",
                f"{row['written']:%Y-%m-%d %H:%M}",
                f"{row['files']:,}",
                f"{row['rows']:,}",
            ]
            if row
            else ["nothing is loaded", "", "", ""]
        )
        lines.append(
            f'<tr><th scope="row">{_text(name)}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in cells)}</tr>'
        )
    return "".join(lines)


def _banner(lines: Sequence[str]) -> str:
    """What a reader must know before any figure; empty where all is well."""
    if not lines:
        return ""
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return (
        f'<section class="banner" role="alert" aria-label="Warnings"><h2>Read this first</h2><ul>{items}</ul></section>'
    )


def _covered(data: Data) -> str:
    span = data.span
    if span.first_day is None or span.last_day is None:
        return "Nothing is loaded yet"
    grain = ", week by week" if span.is_weekly else ", day by day"
    return f"{day(span.first_day)} to {day(span.last_day)}{grain}"


def _policy(scripts: Any) -> str:
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script. It holds no end tag, which would end the element it stands in."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


@cache
def _part(name: str) -> str:
    return (files("analytics_pipeline.report") / "page" / name).read_text(encoding="utf-8")


def _text(value: str) -> str:
    return html.escape(value)


def _json(value: object) -> str:
    """JSON in which nothing looks like markup, whatever people call their courses."""
    written = json.dumps(value, default=_plain, ensure_ascii=True, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not belong in the page")
