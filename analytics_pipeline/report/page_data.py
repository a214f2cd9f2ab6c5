"""The JSON for the page's script: rows, column by column, and the choices of the filters. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from analytics_pipeline.report.charts import Chart, course_rows
from analytics_pipeline.report.data import Data, Row
from analytics_pipeline.report.figures import key_figures
from analytics_pipeline.report.month import month_figures
from analytics_pipeline.report.scopes import ALL, BEGINNING, PERIODS
from analytics_pipeline.report.style import CONFIG
from analytics_pipeline.report.tables import TABLES, course_lines

_EPOCH = date(1970, 1, 1)


def page_data(data: Data, charts: Sequence[Chart]) -> Markup:
    """Return the page's JSON, in which nothing looks like markup."""
    tables = {**data.tables, "courses": course_lines(data), "budgets": data.charts["budgets"]}
    value = {
        "config": CONFIG,
        "rows": {name: _columns(rows) for name, rows in {**data.charts, **tables}.items()},
        "courses": course_rows(data.courses),
        "scopes": _scopes(data),
        "windows": _windows(data),
        "dailyFrom": _number(data.span.daily_from) if data.span.daily_from else None,
        "isWeekly": data.span.is_weekly,
        "figures": {
            scope: {
                period: [[figure.value, figure.note] for figure in key_figures(data, scope, period)]
                for period in PERIODS
            }
            for scope in data.scopes
        },
        "month": {
            scope: [[figure.value, figure.note] for figure in figures]
            for scope, figures in month_figures(data).items()
        },
        "charts": {chart.name: _chart(chart) for chart in charts},
        "tables": {
            table.name: {**vars(table), "columns": [vars(column) for column in table.columns]}
            for table in TABLES.values()
        },
    }
    return _json(value)


def _chart(chart: Chart) -> dict[str, Any]:
    """Return the facts about a chart that the script needs besides its rows."""
    names = ("data", "where", "what", "keys", "values", "spec", "title")
    return {
        **{name: getattr(chart, name) for name in names},
        "isWeekly": chart.is_weekly,
        "most": chart.most,
        "keepsAll": chart.keeps_all,
    }


def _scopes(data: Data) -> dict[str, list[str]]:
    """Return the keys of each scope: its courses, or of the whole, only courses on the page."""
    known = {course.key for course in data.courses}
    return {
        name: sorted(keys & known if name == ALL else keys) for name, keys in data.scopes.items()
    }


def _windows(data: Data) -> dict[str, dict[str, dict[str, list[int | None]]]]:
    """Return each period's first and last day by scope; only the term's differ from ALL's."""
    windows: dict[str, dict[str, dict[str, list[int | None]]]] = {}
    for (scope, period, what), (since, until) in data.windows.items():
        if scope == ALL or period == "term":
            days = [None if since == BEGINNING else _number(since), _number(until)]
            windows.setdefault(scope, {}).setdefault(period, {})[what] = days
    return windows


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows column by column: days as numbers, and texts as indices into a word list."""
    return {name: _column([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _column(values: Sequence[Any]) -> Any:
    if any(isinstance(value, date) for value in values):
        return {"days": [None if value is None else _number(value) for value in values]}
    if all(isinstance(value, str) for value in values):
        words = {word: place for place, word in enumerate(dict.fromkeys(values))}
        return {"words": list(words), "places": [words[value] for value in values]}
    return {
        "values": [
            int(value) if isinstance(value, float) and value.is_integer() else value
            for value in values
        ]
    }


def _number(day: date) -> int:
    """Return the days since 1970."""
    return (day - _EPOCH).days


def _json(value: Mapping[str, Any]) -> Markup:
    written = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    escaped = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(escaped)  # noqa: S704  # escaped in the line before
