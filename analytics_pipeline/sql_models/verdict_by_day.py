"""Run a test for those days only whose rows changed since they passed it.

A test declares `-- by day:` for each table that it reads. Only the hashes of days that passed are
known (`day_hashes.py`), so a day that fails is tested again in each run, until it passes. The hash
also covers the SQL of the test and of all models that it reads. If in doubt, the whole test
runs. It also runs whole whenever a model by day that it reads is built whole, at least once a week;
then the two verdicts are compared.
"""

from dataclasses import dataclass

import duckdb

from analytics_pipeline.sql_models.day_hashes import forget, of_days, remember, stale_days
from analytics_pipeline.sql_models.model import SqlTest
from analytics_pipeline.warehouse.transactions import write


@dataclass(frozen=True)
class Counted:
    """Number of rows that a test by day returned.

    Attributes:
        rows: the number; of the whole test, if it ran whole.
        by_day: the number of the test by day, if it ran both ways.
    """

    rows: int
    by_day: int | None = None


def count_by_day(connection: duckdb.DuckDBPyConnection, test: SqlTest, *, whole: bool) -> Counted:
    """Return the number of rows that a test by day returns, and remember which days passed.

    Args:
        connection: the live warehouse, with no transaction open.
        test: declares its days.
        whole: whether to run it whole, and to compare.

    Raises:
        duckdb.Error: a table is missing, the SQL is broken, or the disk is full.
    """
    name = f"tests.{test.name}"

    def count() -> Counted:
        days = stale_days(connection, name, test.version, test.days)
        by_day = _count(connection, of_days(test.sql, test.days, days)) if days else 0
        if days is not None and not whole:
            remember(connection, name, are_done=by_day == 0)
            return Counted(by_day)
        rows = _count(connection, test.sql)
        if rows:
            forget(connection, [name])
        else:
            remember(connection, name, are_done=True)
        return Counted(rows, None if days is None else by_day)

    return write(connection, count)


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    [(rows,)] = connection.execute(f"SELECT count(*) FROM (\n{sql}\n)").fetchall()
    return int(rows)
