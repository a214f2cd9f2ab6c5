"""Hashes of rows by day: find the days whose rows changed, and run SQL for these days only.

`ops.model_days` holds the hash of each day that is done, by model or test. A hash covers the day's
rows in all input tables, and a version of everything else that affects the result. Nothing records
what a load or an erasure touched.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from analytics_pipeline.sql_models.sql_syntax import replace_tables
from analytics_pipeline.warehouse.sql_text import literal, quoted

# Qualified, as the input may have a column of any name. A sum, as rows have no order.
HASH = "sum(hash(*COLUMNS(hashed.*))::HUGEINT)"
"""SQL of the hash of all rows of a table called `hashed`."""


def stale_days(
    connection: duckdb.DuckDBPyConnection, name: str, version: str, days: Mapping[str, str]
) -> list[date] | None:
    """Hash the input by day, and return the days whose hash is not the known one.

    Leaves the hashes in the temporary table `input_days`, for `remember`.

    Args:
        connection: the live warehouse.
        name: whose hashes are known: a model, or a test.
        version: changes with everything else that affects the result.
        days: SQL expression of the day of a row, by qualified name of each input table.

    Returns:
        None if everything must be done: there is no input, a row has no day, or more than half of
        the days are stale, as all are when the version changed.
    """
    inputs = " UNION ALL ".join(
        f"SELECT {literal(table)} AS input, {day} AS day, hash({HASH}, count(*)) AS hash"
        f" FROM {table} AS hashed GROUP BY 2"
        for table, day in days.items()
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE input_days AS
            SELECT day, hash({literal(version)}, list((input, hash) ORDER BY input)) AS hash
            FROM ({inputs}) GROUP BY day"""
    )
    stale = connection.execute(
        """SELECT coalesce(input.day, known.day)
           FROM input_days AS input
           FULL JOIN (FROM ops.model_days WHERE model = $1) AS known ON known.day = input.day
           WHERE input.hash IS DISTINCT FROM known.hash ORDER BY 1""",
        [name],
    ).fetchall()
    found = [day for (day,) in stale]
    [(count,)] = connection.execute("SELECT count(*) FROM input_days").fetchall()
    return None if not count or None in found or 2 * len(found) > count else found


def remember(connection: duckdb.DuckDBPyConnection, name: str, *, are_done: bool) -> None:
    """Forget the known hashes that differ from those of `stale_days`; keep the latter if done."""
    connection.execute(
        """DELETE FROM ops.model_days AS known WHERE model = $1 AND NOT EXISTS (
               FROM input_days AS input WHERE input.day = known.day AND input.hash = known.hash)""",
        [name],
    )
    if are_done:
        connection.execute(
            """INSERT INTO ops.model_days (model, day, hash) SELECT $1, day, hash FROM input_days
               WHERE day NOT IN (SELECT day FROM ops.model_days WHERE model = $1)""",
            [name],
        )


def forget(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Delete all known hashes of these models or tests."""
    connection.execute("DELETE FROM ops.model_days WHERE list_contains($1, model)", [list(names)])


def of_days(sql: str, tables: Mapping[str, str], days: Sequence[date]) -> str:
    """Return a query that reads only the rows of some days.

    Args:
        sql: the query.
        tables: SQL expression of the day of a row, by qualified name of each table that it reads.
        days: at least one day.
    """
    # Literals: DuckDB doesn't push a parameter or a subquery below a view's window functions.
    dates = ", ".join(f"DATE '{day}'" for day in days)
    names = {table: quoted(table.partition(".")[2]) for table in tables}
    read = ", ".join(
        f"{names[table]} AS (FROM {table} WHERE {day} IN ({dates}))"
        for table, day in tables.items()
    )
    return f"WITH {read} FROM (\n{replace_tables(sql, names)}\n)"
