"""Read the report's rows from the published file. No other module of the package opens a database.

The queries are in `sql/`; `charts/` and `figures.py` use the rows.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.report import restrict
from analytics_pipeline.report.clock import UTC, clock_changes
from analytics_pipeline.report.data import Data, Span
from analytics_pipeline.report.queries import folder, query
from analytics_pipeline.report.scopes import ALL, PERIODS, Course, Term, scopes, term_of, window
from analytics_pipeline.warehouse import checks
from analytics_pipeline.warehouse.connection import closing
from analytics_pipeline.warehouse.lateness import ages
from analytics_pipeline.warehouse.signature import read_signature

MOST_COURSES = 60
"""Number of courses named in the page. Smaller ones are merged to keep the page small."""
MOST_DAYS = 400
"""Maximum history drawn per day. A longer one is drawn per week, except its newest days."""
DAILY_DAYS = 130
"""Newest days that are always drawn per day."""
MOST_PARTS = 150
"""Maximum number of parts in the table of idle spend."""
MOST_ANOMALIES = 100
"""Maximum number of days in the table of anomalies, newest first."""

LIST_COURSES = (
    'List the courses with `analytics-pipeline query "SELECT course_id, course_name FROM'
    ' marts.course_summary"`.'
)


class ReportError(PipelineError):
    """The report can't be made. The message says what is missing and what to do."""


def read(published: Path, zone: ZoneInfo = UTC, course: int | None = None) -> Data:
    """Read everything that the page shows from the published file.

    Args:
        published: the published file.
        zone: time zone of hours of the day; days of money stay UTC.
        course: id of the only course to read; by default all courses.

    Raises:
        ReportError: there is no such file, or it lacks a table that the report reads, or the
            course.
    """
    if not published.exists():
        raise ReportError(f"There is no {published} yet: run `analytics-pipeline sync` first.")
    try:
        with closing(_open(published, course)) as connection:
            return _read(connection, zone, course)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        reason = str(error).splitlines()[0]
        raise ReportError(
            f"{published} lacks a table that the report reads ({reason}): a model failed, was never"
            " built, or is left out because its check fails. Run `analytics-pipeline sync`, which"
            " names it."
        ) from None
    except duckdb.IOException as error:
        raise ReportError(
            f"{published} can't be read: {str(error).splitlines()[0]}. Rewrite it with"
            " `analytics-pipeline publish`."
        ) from None


def _open(published: Path, course: int | None) -> duckdb.DuckDBPyConnection:
    return (
        duckdb.connect(str(published), read_only=True)
        if course is None
        else restrict.connect(published, course)
    )


def _read(connection: duckdb.DuckDBPyConnection, zone: ZoneInfo, course: int | None) -> Data:
    _set_limits(connection)
    for sql in folder("scope").values():
        connection.execute(sql)
    signed = read_signature(connection)
    if signed is None:
        raise ReportError(
            "The published file has no time of writing: rewrite it with `analytics-pipeline"
            " publish`."
        )
    span = Span(**rows(connection, query("span"))[0])
    courses = _courses(connection)
    if course is not None and not any(found.key == str(course) for found in courses):
        raise ReportError(
            f"Course {course} has no spend, session or student in the published file."
            f" {LIST_COURSES}"
        )
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
        absences=rows(connection, query("absences")),
        **{part: _answers(connection, part) for part in ("health", "figures", "charts", "tables")},
    )


def _set_limits(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET VARIABLE most_courses = ?", [MOST_COURSES])
    connection.execute("SET VARIABLE most_days = ?", [MOST_DAYS])
    connection.execute("SET VARIABLE daily_days = ?", [DAILY_DAYS])
    connection.execute("SET VARIABLE most_parts = ?", [MOST_PARTS])
    connection.execute("SET VARIABLE most_anomalies = ?", [MOST_ANOMALIES])


def _answers(connection: duckdb.DuckDBPyConnection, part: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every query in a folder of `sql/`, by name."""
    return {name: rows(connection, sql) for name, sql in folder(part).items()}


def _courses(connection: duckdb.DuckDBPyConnection) -> list[Course]:
    listed = rows(connection, query("courses"))
    return [
        Course(row["course"], row["label"], row["term"], row["department"], row["root"])
        for row in listed
    ]


def _terms(connection: duckdb.DuckDBPyConnection) -> dict[str, Term]:
    """Return the terms, the newest first."""
    listed = rows(connection, query("terms"))
    return {
        row["term"]: Term(row["term"], row["first"], row["last"], row["is_derived"])
        for row in listed
    }


def _windows(
    span: Span,
    courses: Sequence[Course],
    chosen: Mapping[str, frozenset[str]],
    terms: Mapping[str, Term],
) -> dict[tuple[str, str, str], tuple[date, date]]:
    """Return the first and last day of each scope's periods, for spend and for sessions."""
    newest = {"spend": span.last_spend, "sessions": span.last_session}
    windows = {}
    for scope, keys in chosen.items():
        term = terms.get(term_of(keys, courses, terms, span.last_day) or "")
        for period, what in product(PERIODS, newest):
            if days := window(period, newest[what], term):
                windows[scope, period, what] = days
    return windows


def _fill(
    connection: duckdb.DuckDBPyConnection,
    chosen: Mapping[str, frozenset[str]],
    windows: Mapping[tuple[str, str, str], tuple[date, date]],
) -> None:
    """Pass the filters' selections to the queries."""
    pairs = [(scope, course) for scope, keys in chosen.items() for course in sorted(keys)]
    _insert(connection, "INSERT INTO scopes SELECT unnest($1), unnest($2)", pairs)
    shared = [
        (*key[1:], *days) for key, days in windows.items() if key[0] == ALL and key[1] != "term"
    ]
    of_terms = [(*key, *days) for key, days in windows.items() if key[1] == "term"]
    _insert(
        connection,
        """INSERT INTO windows SELECT scope, shared.*
           FROM (SELECT unnest($1), unnest($2), unnest($3::DATE[]), unnest($4::DATE[])) AS shared,
             (SELECT DISTINCT scope FROM scopes)""",
        shared,
    )
    _insert(
        connection,
        "INSERT INTO windows SELECT unnest($1), unnest($2), unnest($3), unnest($4::DATE[]),"
        " unnest($5::DATE[])",
        of_terms,
    )


def _set_clock(connection: duckdb.DuckDBPyConnection, span: Span, zone: ZoneInfo) -> None:
    """Pass the time zone's offsets in the newest 13 weeks to the queries."""
    changes = clock_changes(zone, span.last_session or date(2000, 1, 1))
    connection.execute("SET VARIABLE zone_minutes = ?", [-changes[-1][1] % 60])
    _insert(
        connection, "INSERT INTO clock_changes SELECT unnest($1::TIMESTAMP[]), unnest($2)", changes
    )


def _insert(
    connection: duckdb.DuckDBPyConnection, sql: str, records: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows by column, in one statement."""
    if records:
        connection.execute(sql, [list(column) for column in zip(*records, strict=True)])


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query as dicts."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
