"""The invariants of `dbt_like_sql/tests/`: run, counted and told without a single value of the data.

What must hold is said in the `.sql` files alone; Dagster's asset checks belong in `orchestration/`.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from analytics_pipeline.disk import is_full
from analytics_pipeline.sql_models.build import Failure, explain
from analytics_pipeline.sql_models.model import SqlTest


@dataclass(frozen=True)
class Tested:
    """The verdict of a test.

    Attributes:
        test: the test; its `columns` say what a violating row tells, its `sql` shows them in DuckDB.
        violations: rows that it returned; None if it did not run.
        seconds: how long it took.
        failure: why it did not run.
    """

    test: SqlTest
    violations: int | None
    seconds: float
    failure: Failure | None = None

    @property
    def passed(self) -> bool:
        """Whether it ran and returned no row."""
        return self.violations == 0


def run_tests(connection: duckdb.DuckDBPyConnection, tests: Iterable[SqlTest]) -> list[Tested]:
    """Run tests, all of them, whatever the verdicts."""
    return [run_test(connection, test) for test in tests]


def run_test(connection: duckdb.DuckDBPyConnection, test: SqlTest) -> Tested:
    """Run a test. A table that is not built yet, or broken SQL, is a failure and no exception; a full disk is one."""
    began = time.monotonic()
    try:
        counted = connection.execute(f"SELECT count(*) FROM (\n{test.sql}\n)").fetchone()
    except duckdb.Error as error:
        if is_full(error):
            raise
        failure = explain(error, f"dbt_like_sql/tests/{test.name}.sql", lines_before=1)
        return Tested(test, None, time.monotonic() - began, failure)
    return Tested(test, counted[0] if counted else None, time.monotonic() - began)
