"""Rebuild only those days of a model whose input changed.

A model declares `-- by day:`. Each of its days has a hash of the input rows that it was made of
(`day_hashes.py`), written in the transaction of the day's rows. A day is rebuilt if the hash of its
input differs. The hash also covers everything else that determines the rows: the SQL of the model
and of all that it reads, and the releases of DuckDB and of this package. If the stale days can't be
told apart, the model is built whole. Once a week it is built whole to compare.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import duckdb

from analytics_pipeline.sql_models.day_hashes import HASH, of_days, remember, stale_days
from analytics_pipeline.sql_models.model import ByDay, Model
from analytics_pipeline.warehouse.checks import Check, Kind, Severity, read, record_one
from analytics_pipeline.words import counted, named

EQUALS_WHOLE = "days_equal_a_whole_build"
"""Name of the check that compares a model built by day with the same model built whole."""
DESCRIPTION = (
    "The rows that were built by day equal those of a whole build. They are compared once a week,"
    " and then replaced. If it fails, the table was changed by hand, or a day depends on the rows"
    " of another one: report it."
)

COMPARED_EVERY = timedelta(days=7)
_DAYS_SHOWN = 10


def build_by_day(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    by_day: ByDay,
    now: datetime | None,
    build_whole: Callable[[], object],
) -> tuple[int, Check | None]:
    """Rebuild the stale days of a model, or the whole model; compare both if that is due.

    Args:
        connection: the live warehouse, in a transaction that the caller commits.
        model: the model.
        by_day: its declaration of days.
        now: UTC, naive; None to compare nothing.
        build_whole: replaces the model's table.

    Returns:
        The number of the model's rows, and the verdict of the comparison, which a whole build
        passes; None without either.
    """
    stale = _stale_days(connection, model, by_day)
    verdict = None
    if stale is None:
        build_whole()
        verdict = _verdict(model, [])
    else:
        if stale:
            _rebuild_days(connection, model, by_day, stale)
        if now and _is_due(connection, model, now):
            verdict = _compare(connection, model, by_day, now, build_whole)
    remember(connection, model.qualified, are_done=True)
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {model.qualified}").fetchall()
    return rows, verdict


def _stale_days(
    connection: duckdb.DuckDBPyConnection, model: Model, by_day: ByDay
) -> list[date] | None:
    """Return the days to rebuild; None if the model must be built whole: its table is missing, or
    for a reason of `stale_days`.
    """
    days = stale_days(
        connection, model.qualified, by_day.version, {by_day.input: by_day.day_of_input}
    )
    [(is_table,)] = connection.execute(
        """SELECT count(*) FROM duckdb_tables()
           WHERE database_name = current_database() AND schema_name || '.' || table_name = $1""",
        [model.qualified],
    ).fetchall()
    return days if is_table else None


def _rebuild_days(
    connection: duckdb.DuckDBPyConnection, model: Model, by_day: ByDay, days: Sequence[date]
) -> None:
    dates = ", ".join(f"DATE '{day}'" for day in days)
    connection.execute(f"DELETE FROM {model.qualified} WHERE {by_day.day} IN ({dates})")
    sql = of_days(model.sql, {by_day.source: by_day.day_of_source}, days)
    connection.execute(f"INSERT INTO {model.qualified} {sql}")


def _is_due(connection: duckdb.DuckDBPyConnection, model: Model, now: datetime) -> bool:
    """Return whether the last comparison failed, or is a week away from now.

    If a clock was ahead, it can be a week in the future.
    """
    last = [
        check
        for check in read(connection)
        if (check.name, check.subject) == (EQUALS_WHOLE, model.qualified)
    ]
    return not any(
        check.passed and check.evaluated_at and abs(now - check.evaluated_at) < COMPARED_EVERY
        for check in last
    )


def _compare(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    by_day: ByDay,
    now: datetime,
    build_whole: Callable[[], object],
) -> Check:
    """Build a model whole, and return the check that no day has other rows than before."""
    before = _hashes(connection, model, by_day)
    build_whole()
    after = _hashes(connection, model, by_day)
    days = before.keys() | after.keys()
    verdict = _verdict(model, sorted(day for day in days if before.get(day) != after.get(day)))
    if not verdict.passed:
        # Record it in this transaction: the rows are repaired, so no later build finds the
        # difference again.
        record_one(connection, verdict, now)
    return verdict


def _hashes(
    connection: duckdb.DuckDBPyConnection, model: Model, by_day: ByDay
) -> dict[date, tuple[int, int]]:
    """Return a hash and the number of the model's rows of each day."""
    rows = connection.execute(
        f"SELECT {by_day.day}, {HASH}, count(*) FROM {model.qualified} AS hashed GROUP BY 1"
    ).fetchall()
    return {day: (hashed, count) for day, hashed, count in rows}


def _verdict(model: Model, days: Sequence[date]) -> Check:
    """Return the check that rows built by day equal those of a whole build: no day differed."""
    text, remedy = "Passed.", ""
    if days:
        text = (
            f"{counted(len(days), 'day')} differed from a whole build:"
            f" {named(map(str, days), _DAYS_SHOWN)}. The table now has the rows of the whole build."
        )
        remedy = (
            "Treat earlier figures of these days as wrong. If nobody changed the table by hand,"
            " report it with these days."
        )
    passed = not days
    return Check(
        EQUALS_WHOLE, model.qualified, Kind.MODEL, Severity.ERROR, passed, len(days), text, remedy
    )
