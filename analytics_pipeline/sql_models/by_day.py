"""Make only those days of a model anew whose input changed.

A model declares `-- by day:`. Each of its days has a hash of the input rows that it was made of, in
`ops.model_days`, written in the transaction of the day's rows. Nothing records what a load or an
erasure touched: a day is made anew if the hash of its input differs. The hash covers all else that
decides about the rows: the SQL of the model and of all that it reads, and the releases of DuckDB
and of this package. In doubt the model is built whole, and once a week to compare.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import duckdb

from analytics_pipeline.sql_models.model import ByDay, Model, replace_tables
from analytics_pipeline.warehouse.checks import Check, Kind, Severity, read, record_one
from analytics_pipeline.warehouse.sql_text import literal, quoted

EQUALS_WHOLE = "days_equal_a_whole_build"
"""Name of the check that compares a model built by day with the same model built whole."""
DESCRIPTION = (
    "The rows that were built by day equal those of a whole build. They are compared once a week,"
    " and then replaced. If it fails, the table was changed by hand, or a day depends on the rows"
    " of another one: report it."
)
COMPARED_EVERY = timedelta(days=7)
_DAYS_SHOWN = 10
# Qualified, as the input may have a column of any name. A sum, as rows have no order.
_HASH = "sum(hash(*COLUMNS(hashed.*))::HUGEINT)"


def build_by_day(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    by_day: ByDay,
    now: datetime | None,
    build_whole: Callable[[], object],
) -> tuple[int, Check | None]:
    """Make the stale days of a model anew, or the whole model; compare both if that is due.

    Args:
        connection: the live warehouse, in a transaction that the caller commits.
        model: the model.
        by_day: its promise.
        now: UTC, naive; None to compare nothing.
        build_whole: replaces the model's table.

    Returns:
        The number of the model's rows, and the verdict of the comparison, which a whole build
        passes; None without either.
    """
    days = _stale_days(connection, model, by_day)
    verdict = None
    if days:
        _make_days(connection, model, by_day, days)
    if days is None or _is_due(connection, model, now):
        made = _hashes(connection, model, by_day) if days is not None else None
        build_whole()
        whole = _hashes(connection, model, by_day) if made is not None else None
        verdict = _verdict(model, made or {}, whole or {})
        if now and not verdict.passed:
            # Now: the rows are repaired, so nobody finds the difference again if the process dies.
            record_one(connection, verdict, now)
    _remember(connection, model)
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {model.qualified}").fetchall()
    return rows, verdict


def _stale_days(
    connection: duckdb.DuckDBPyConnection, model: Model, by_day: ByDay
) -> list[date] | None:
    """Hash the input by day, and return the days whose hash is not the known one.

    Returns:
        None if the model must be built whole: its table is missing, a row has no day, or more than
        half of the days are stale, as all are when the SQL changed.
    """
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE input_days AS
            SELECT {by_day.day_of_input} AS day,
                   hash({literal(by_day.version)}, {_HASH}, count(*)) AS hash
            FROM {by_day.input} AS hashed GROUP BY 1"""
    )
    stale = connection.execute(
        """SELECT coalesce(input.day, known.day)
           FROM input_days AS input
           FULL JOIN (FROM ops.model_days WHERE model = $1) AS known ON known.day = input.day
           WHERE input.hash IS DISTINCT FROM known.hash ORDER BY 1""",
        [model.qualified],
    ).fetchall()
    days = [day for (day,) in stale]
    [(is_table, count)] = connection.execute(
        """SELECT count(*), (SELECT count(*) FROM input_days) FROM duckdb_tables()
           WHERE database_name = current_database() AND schema_name || '.' || table_name = $1""",
        [model.qualified],
    ).fetchall()
    return None if not is_table or None in days or 2 * len(days) > count else days


def _make_days(
    connection: duckdb.DuckDBPyConnection, model: Model, by_day: ByDay, days: Sequence[date]
) -> None:
    # Literals: DuckDB doesn't push a parameter or a subquery below the source's window functions.
    wanted = ", ".join(f"DATE '{day}'" for day in days)
    source = quoted(by_day.source.partition(".")[2])
    connection.execute(f"DELETE FROM {model.qualified} WHERE {by_day.day} IN ({wanted})")
    sql = replace_tables(model.sql, {by_day.source: source})
    connection.execute(
        f"INSERT INTO {model.qualified} WITH {source} AS (FROM {by_day.source}"
        f" WHERE {by_day.day_of_source} IN ({wanted})) FROM (\n{sql}\n)"
    )


def _remember(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Replace the known hashes that differ by those of `_stale_days`."""
    connection.execute(
        """DELETE FROM ops.model_days AS known WHERE model = $1 AND NOT EXISTS (
               FROM input_days AS input WHERE input.day = known.day AND input.hash = known.hash)""",
        [model.qualified],
    )
    connection.execute(
        """INSERT INTO ops.model_days (model, day, hash) SELECT $1, day, hash FROM input_days
           WHERE day NOT IN (SELECT day FROM ops.model_days WHERE model = $1)""",
        [model.qualified],
    )


def forget(connection: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
    """Delete the hashes of models that are not built by day: they say nothing about their rows."""
    connection.execute(
        "DELETE FROM ops.model_days WHERE list_contains($1, model)",
        [[model.qualified for model in models if model.days is None]],
    )


def _is_due(connection: duckdb.DuckDBPyConnection, model: Model, now: datetime | None) -> bool:
    """Return whether the last comparison failed, or is a week old."""
    if now is None:
        return False
    last = [
        check
        for check in read(connection)
        if (check.name, check.subject) == (EQUALS_WHOLE, model.qualified)
    ]
    return not any(
        check.passed and check.evaluated_at and now - check.evaluated_at < COMPARED_EVERY
        for check in last
    )


def _hashes(
    connection: duckdb.DuckDBPyConnection, model: Model, by_day: ByDay
) -> dict[date, tuple[int, int]]:
    """Return a hash and the number of the model's rows of each day."""
    rows = connection.execute(
        f"SELECT {by_day.day}, {_HASH}, count(*) FROM {model.qualified} AS hashed GROUP BY 1"
    ).fetchall()
    return {day: (hashed, count) for day, hashed, count in rows}


def _verdict(
    model: Model, made: dict[date, tuple[int, int]], whole: dict[date, tuple[int, int]]
) -> Check:
    days = sorted(day for day in made.keys() | whole.keys() if made.get(day) != whole.get(day))
    text, remedy = "Holds.", ""
    if days:
        shown = ", ".join(map(str, days[:_DAYS_SHOWN])) + (", ..." if days[_DAYS_SHOWN:] else "")
        text = (
            f"{len(days):,} days differed from a whole build: {shown}. The table now has the rows"
            " of the whole build."
        )
        remedy = (
            "Treat earlier figures of these days as wrong. If nobody changed the table by hand,"
            " report it with these days."
        )
    kept = (not days, len(days), text, remedy)
    return Check(EQUALS_WHOLE, model.qualified, Kind.MODEL, Severity.ERROR, *kept)
