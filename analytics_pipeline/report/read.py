"""Read the report's rows from the published file: the only module of the package that opens a database, read-only.

The queries are in `sql/`; `charts/` and `figures.py` use the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.report import restrict
from analytics_pipeline.report.clock import UTC, clock_changes
from analytics_pipeline.report.queries import folder, query
from analytics_pipeline.report.scopes import ALL, PERIODS, Course, Term, scopes, term_of, window
from analytics_pipeline.warehouse import checks
from analytics_pipeline.warehouse.age import Age, ages
from analytics_pipeline.warehouse.checks import Check
from analytics_pipeline.warehouse.connection import closing
from analytics_pipeline.warehouse.signature import read_signature

MOST_COURSES = 60
"""Number of courses named in the page; the smaller ones are merged, to keep the page small."""
MOST_DAYS = 400
"""Days of history that are drawn day by day; a longer one is drawn week by week, but for its newest days."""
DAILY_DAYS = 130
"""Newest days that are drawn day by day whatever the history."""
MOST_PARTS = 150
"""Parts in the table of idle spend."""
MOST_ANOMALIES = 100
"""Days in the table of anomalies, the newest."""

LIST_COURSES = (
    'List the courses with `analytics-pipeline query "SELECT course_id, course_name FROM marts.course_summary"`.'
)


class ReportError(PipelineError):
    """The report can't be made. The message says what is missing and what to do."""


Row = Mapping[str, Any]


@dataclass(frozen=True)
class Span:
    """The period that the page covers; days are None if nothing of the kind is loaded.

    Attributes:
        first_day: first day of spend or sessions, whichever is earlier.
        last_day: last day of either.
        last_spend: newest day with spend.
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
    """Everything that the page shows; no row is about a single person.

    Attributes:
        published_at: when the published file was written (UTC).
        withheld: what the file says of tables that failing checks withhold.
        checks: the verdicts of all checks.
        ages: how old each dataset is when the file is published.
        span: the days covered.
        courses: the courses, the largest first.
        roots: names of root courses that can be chosen, by key.
        terms: terms that can be chosen, by key.
        scopes: the courses of each choice of the filters.
        windows: first and last day of each scope, period and kind of figure (`spend`, `sessions`).
        zone: time zone of hours of the day.
        course: key of the only course of the page; None if it is about all.
        freshness: per dataset that is loaded: newest, written, files, rows.
        lost: what is missing now although it was delivered before: dataset, partition, detail.
        health: rows of what failed and what was guessed, by query.
        figures: rows of the key figures' queries by name; money is Decimal.
        charts: rows of each chart by name; money is float, rounded for drawing.
        tables: rows of the tables that are no chart, by name.
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
    lost: Sequence[Row]
    health: Mapping[str, Sequence[Row]]
    figures: Mapping[str, Sequence[Row]]
    charts: Mapping[str, Sequence[Row]]
    tables: Mapping[str, Sequence[Row]]

    def row(self, figure: str, *key: str) -> Row:
        """Return a row of `figures` by its scope, period and kind, as far as it has them; empty if there is none."""
        return self._by_key.get((figure, *key), {})

    @cached_property
    def _by_key(self) -> Mapping[tuple[str, ...], Row]:
        keys = ("scope", "period", "what")
        return {
            (name, *(row[key] for key in keys if key in row)): row
            for name, rows in self.figures.items()
            for row in rows
        }


def read(published: Path, zone: ZoneInfo = UTC, course: int | None = None) -> Data:
    """Ask the published file for everything that the page shows.

    Args:
        published: the published file.
        zone: time zone of hours of the day; days of money stay UTC.
        course: id of the only course of which anything is read; all of them by default.

    Raises:
        ReportError: there is no such file, it lacks a table that the report reads, or nothing of the course.
    """
    if not published.exists():
        raise ReportError(f"There is no {published} yet: run `analytics-pipeline sync` first.")
    try:
        with closing(_open(published, course)) as connection:
            return _read(connection, zone, course)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        reason = str(error).splitlines()[0]
        raise ReportError(
            f"{published} lacks a table that the report reads ({reason}): a model failed, was never built, "
            "or is left out because its check fails. Run `analytics-pipeline sync`, which names it."
        ) from None
    except duckdb.IOException as error:
        raise ReportError(
            f"{published} can't be read: {str(error).splitlines()[0]}. Rewrite it with `analytics-pipeline publish`."
        ) from None


def _open(published: Path, course: int | None) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(published), read_only=True) if course is None else restrict.connect(published, course)


def _read(connection: duckdb.DuckDBPyConnection, zone: ZoneInfo, course: int | None) -> Data:
    _set_limits(connection)
    for sql in folder("scope").values():
        connection.execute(sql)
    signed = read_signature(connection)
    if signed is None:
        raise ReportError(
            "The published file does not say when it was written: rewrite it with `analytics-pipeline publish`."
        )
    span = Span(**rows(connection, query("span"))[0])
    courses = _courses(connection)
    if course is not None and not any(found.key == str(course) for found in courses):
        raise ReportError(f"Course {course} has no spend, session or student in the published file. {LIST_COURSES}")
    chosen = scopes(courses)
    terms = _terms(connection)
    windows = _windows(span, courses, chosen, terms)
    _fill(connection, chosen, windows)
    _set_clock(connection, span, zone)
    for sql in folder("prepare").values():
        connection.execute(sql)
    return Data(
        published_at=signed.published_at,
        withheld=signed.withheld,
        checks=checks.read(connection),
        ages=ages(connection, signed.published_at),
        span=span,
        courses=courses,
        roots={row["root"]: row["label"] for row in rows(connection, query("roots"))},
        terms=terms,
        scopes=chosen,
        windows=windows,
        zone=zone.key,
        course=None if course is None else str(course),
        freshness=rows(connection, query("freshness")),
        lost=rows(connection, query("lost")),
        **{part: _answers(connection, part) for part in ("health", "figures", "charts", "tables")},
    )


def _set_limits(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET VARIABLE most_courses = ?", [MOST_COURSES])
    connection.execute("SET VARIABLE most_days = ?", [MOST_DAYS])
    connection.execute("SET VARIABLE daily_days = ?", [DAILY_DAYS])
    connection.execute("SET VARIABLE most_parts = ?", [MOST_PARTS])
    connection.execute("SET VARIABLE most_anomalies = ?", [MOST_ANOMALIES])


def _answers(connection: duckdb.DuckDBPyConnection, part: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every query of a folder of `sql/`, by its name."""
    return {name: rows(connection, sql) for name, sql in folder(part).items()}


def _courses(connection: duckdb.DuckDBPyConnection) -> list[Course]:
    found = rows(connection, query("courses"))
    return [Course(row["course"], row["label"], row["term"], row["department"], row["root"]) for row in found]


def _terms(connection: duckdb.DuckDBPyConnection) -> dict[str, Term]:
    """Return the terms, the newest first."""
    found = rows(connection, query("terms"))
    return {row["term"]: Term(row["term"], row["first"], row["last"], row["is_derived"]) for row in found}


def _windows(
    span: Span, courses: Sequence[Course], chosen: Mapping[str, frozenset[str]], terms: Mapping[str, Term]
) -> dict[tuple[str, str, str], tuple[date, date]]:
    """Return the first and last day of each scope's periods, for figures of spend and of sessions."""
    newest = {"spend": span.last_spend, "sessions": span.last_session}
    found = {}
    for scope, keys in chosen.items():
        term = terms.get(term_of(keys, courses, terms, span.last_day) or "")
        for period, what in product(PERIODS, newest):
            if days := window(period, newest[what], term):
                found[scope, period, what] = days
    return found


def _fill(
    connection: duckdb.DuckDBPyConnection,
    chosen: Mapping[str, frozenset[str]],
    windows: Mapping[tuple[str, str, str], tuple[date, date]],
) -> None:
    """Tell the queries what the filters choose."""
    pairs = [(scope, course) for scope, keys in chosen.items() for course in sorted(keys)]
    _insert(connection, "INSERT INTO scopes SELECT unnest($1), unnest($2)", pairs)
    shared = [(*key[1:], *days) for key, days in windows.items() if key[0] == ALL and key[1] != "term"]
    terms = [(*key, *days) for key, days in windows.items() if key[1] == "term"]
    _insert(
        connection,
        """INSERT INTO windows SELECT scope, shared.*
           FROM (SELECT unnest($1), unnest($2), unnest($3::DATE[]), unnest($4::DATE[])) AS shared, (SELECT DISTINCT scope FROM scopes)""",
        shared,
    )
    _insert(
        connection,
        "INSERT INTO windows SELECT unnest($1), unnest($2), unnest($3), unnest($4::DATE[]), unnest($5::DATE[])",
        terms,
    )


def _set_clock(connection: duckdb.DuckDBPyConnection, span: Span, zone: ZoneInfo) -> None:
    """Tell the queries what the clock of a time zone showed in the newest 13 weeks."""
    changes = clock_changes(zone, span.last_session or date(2000, 1, 1))
    connection.execute("SET VARIABLE zone_minutes = ?", [-changes[-1][1] % 60])
    _insert(connection, "INSERT INTO clock_changes SELECT unnest($1::TIMESTAMP[]), unnest($2)", changes)


def _insert(connection: duckdb.DuckDBPyConnection, sql: str, lines: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, column by column, which takes one statement."""
    if lines:
        connection.execute(sql, [list(column) for column in zip(*lines, strict=True)])


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query as dicts."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
