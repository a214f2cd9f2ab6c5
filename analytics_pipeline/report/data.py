"""The report's data: rows of the published file, none about a single person. No queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from analytics_pipeline.report.scopes import Course, Term
from analytics_pipeline.warehouse.checks import Check
from analytics_pipeline.warehouse.lateness import Age

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Span:
    """The period that the page covers. Days are None if no data of that kind is loaded.

    Attributes:
        first_day: first day of which costs or sessions are loaded, whichever is earlier.
        last_day: last day of either.
        last_spend: newest day of which costs are loaded.
        last_session: newest day of which sessions are loaded.
        is_weekly: whether a long history is drawn week by week.
        daily_from: first day that is drawn as a day.
    """

    first_day: date | None
    last_day: date | None
    last_spend: date | None
    last_session: date | None
    is_weekly: bool
    daily_from: date | None = None


@dataclass(frozen=True)
class Data:
    """Everything that the page shows. No row is about a single person.

    Attributes:
        published_at: when the published file was written (UTC).
        withheld: lines about tables that failing checks withhold.
        checks: the verdicts of all checks.
        ages: each dataset's age at publication.
        span: the days covered.
        courses: the courses, the largest first.
        roots: names of root courses to choose from, by key.
        terms: terms to choose from, by key.
        scopes: the courses of each choice of the filters.
        windows: first and last day of each scope, period and kind of figure (`spend`, `sessions`).
        zone: time zone of hours of the day.
        course: key of the only course of the page; None if it is about all.
        freshness: one row per loaded dataset: newest, written, files, rows.
        absences: what `ops.absences` has open: dataset, partition, detail.
        health: rows about failures and estimates, by query.
        figures: rows of the key figures, by query; money is Decimal.
        charts: rows of each chart, by name; money is float, rounded for drawing.
        tables: rows of the tables, by name.
    """

    published_at: datetime
    withheld: Sequence[str]
    checks: Sequence[Check]
    ages: Mapping[str, Age]
    span: Span
    courses: Sequence[Course]
    roots: Mapping[str, str]
    terms: Mapping[str, Term]
    scopes: Mapping[str, frozenset[str]]
    windows: Mapping[tuple[str, str, str], tuple[date, date]]
    zone: str
    course: str | None
    freshness: Sequence[Row]
    absences: Sequence[Row]
    health: Mapping[str, Sequence[Row]]
    figures: Mapping[str, Sequence[Row]]
    charts: Mapping[str, Sequence[Row]]
    tables: Mapping[str, Sequence[Row]]

    def row(self, figure: str, *key: str) -> Row:
        """Return a row of `figures` by scope, period and kind; empty if there is none."""
        return self._by_key.get((figure, *key), {})

    @cached_property
    def _by_key(self) -> Mapping[tuple[str, ...], Row]:
        keys = ("scope", "period", "what")
        return {
            (name, *(row[key] for key in keys if key in row)): row
            for name, rows in self.figures.items()
            for row in rows
        }
