"""Read the report's rows from the published file: the only module of the package that opens a database, read-only.

The queries are in `sql/`; `charts/` and `figures.py` use the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.report.queries import folder, query
from analytics_pipeline.warehouse import checks
from analytics_pipeline.warehouse.age import ages, silence
from analytics_pipeline.warehouse.checks import errors
from analytics_pipeline.warehouse.connection import closing
from analytics_pipeline.warehouse.signature import read_signature

MOST_COURSES = 60
"""Number of courses named in the page; the smaller ones are merged, to keep the page small."""
MOST_DAYS = 400
"""Number of days drawn day by day; a longer history is drawn week by week."""


class ReportError(PipelineError):
    """The report can't be made. The message says what is missing and what to do."""


Row = Mapping[str, Any]


@dataclass(frozen=True)
class Course:
    """A choice of the page's filter: its key in the rows, and its label."""

    key: str
    label: str


@dataclass(frozen=True)
class Span:
    """The period that the page covers; days are None if nothing of the kind is loaded.

    Attributes:
        first_day: first day of spend or sessions, whichever is earlier.
        last_day: last day of either.
        last_spend: newest day with spend.
        last_session: newest day with loaded sessions.
        is_weekly: whether charts over time are drawn week by week.
    """

    first_day: date | None
    last_day: date | None
    last_spend: date | None
    last_session: date | None
    is_weekly: bool


@dataclass(frozen=True)
class Data:
    """Everything that the page shows; no row is about a single person.

    Attributes:
        published_at: when the published file was written (UTC).
        withheld: lines of the file about tables that failing checks withhold.
        failing: the failing ERROR checks, with their remedies.
        silent: a message if all daily datasets were late at publication; None otherwise.
        span: the days covered.
        courses: the filter's choices, the largest first.
        freshness: per loaded dataset: newest, written, files, rows.
        lost: open absences: dataset, partition, detail.
        figures: rows of the key figures' queries by name; money is Decimal.
        charts: rows of each chart by name; money is float, rounded for drawing.
    """

    published_at: datetime
    withheld: Sequence[str]
    failing: Sequence[str]
    silent: str | None
    span: Span
    courses: Sequence[Course]
    freshness: Sequence[Row]
    lost: Sequence[Row]
    figures: Mapping[str, Sequence[Row]]
    charts: Mapping[str, Sequence[Row]]


def read(published: Path) -> Data:
    """Query the published file for everything that the page shows.

    Raises:
        ReportError: there is no such file, or it lacks a table that the report reads.
    """
    if not published.exists():
        raise ReportError(f"There is no {published} yet: run `analytics-pipeline sync` first.")
    try:
        with closing(duckdb.connect(str(published), read_only=True)) as connection:
            return _read(connection)
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


def _read(connection: duckdb.DuckDBPyConnection) -> Data:
    connection.execute("SET VARIABLE most_courses = ?", [MOST_COURSES])
    connection.execute("SET VARIABLE most_days = ?", [MOST_DAYS])
    for sql in folder("prepare").values():
        connection.execute(sql)
    signed = read_signature(connection)
    if signed is None:
        raise ReportError(
            "The published file does not say when it was written: rewrite it with `analytics-pipeline publish`."
        )
    return Data(
        published_at=signed.published_at,
        withheld=signed.withheld,
        failing=[str(check) for check in errors(checks.read(connection))],
        silent=silence(ages(connection, signed.published_at).values()),
        span=Span(**rows(connection, query("span"))[0]),
        courses=[Course(row["course"], row["label"]) for row in rows(connection, query("courses"))],
        freshness=rows(connection, query("freshness")),
        lost=rows(connection, query("lost")),
        figures={name: rows(connection, sql) for name, sql in folder("figures").items()},
        charts={name: rows(connection, sql) for name, sql in folder("charts").items()},
    )


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Return the rows of a query as dicts."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
