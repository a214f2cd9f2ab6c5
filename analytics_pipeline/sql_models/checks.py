"""The invariants of `dbt_like_sql/tests/`: run, counted, recorded in `ops.checks`, without a single value of the data.

What must hold is said in the `.sql` files alone; Dagster's asset checks, one view of the verdicts, belong in `orchestration/`.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.sql_models.build import Built, Failure, build, explain
from analytics_pipeline.sql_models.model import Model, SqlTest
from analytics_pipeline.sql_models.project import Project, touched_by
from analytics_pipeline.storage.disk import is_full
from analytics_pipeline.warehouse.checks import Check, Kind, Severity, outdate, read, record

IS_BUILT = "is_built"
"""Name of the check that says whether a model could be built last, and when."""


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


def build_and_test(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    models: Iterable[Model],
    now: datetime,
    also: Collection[str] = (),
) -> tuple[list[Built], list[Check]]:
    """Build models, run the tests that read any of them, and record the verdicts.

    A process that dies in between leaves those tests without a verdict, so that nothing untested is published.

    Args:
        connection: the live warehouse, with no transaction open.
        project: all models and tests.
        models: those to build, in build order.
        now: UTC, naive.
        also: names of further tests to run.

    Returns:
        What became of each model, and the checks of the tests that were run.

    Raises:
        duckdb.Error: the disk is full.
    """
    chosen = list(models)
    tests = project.tests_of([model.qualified for model in chosen])
    tests += [test for test in project.tests.values() if test.name in also and test not in tests]
    outdate(connection, [test.name for test in tests])
    built = build(connection, chosen)
    verdicts = [_check(project, tested) for tested in run_tests(connection, tests)]
    verdicts += [_built(result) for result in built]
    known = {(check.name, check.subject) for check in verdicts}
    # A model that is new may read what an older test is about.
    others = [
        replace(check, withholds=project.withheld_by(project.tests[check.name]))
        if check.name in project.tests
        else check
        for check in read(connection)
        if check.kind is Kind.MODEL and (check.name, check.subject) not in known and _is_current(project, check)
    ]
    recorded = record(connection, Kind.MODEL, [*verdicts, *others], now)
    return built, [check for check in recorded if (check.name, check.subject) in known]


def stale_models(connection: duckdb.DuckDBPyConnection, project: Project) -> list[str]:
    """Return the models that were never built, failed to build, or read a dataset that was loaded since; in build order.

    A warehouse whose builds no release recorded yet has none: nothing is known of it.
    """
    built = {check.subject: check for check in read(connection) if check.name == IS_BUILT}
    loads = connection.execute("SELECT dataset, max(loaded_at) FROM ops.loaded_files GROUP BY dataset").fetchall()
    if not built:
        return []
    stale = {name for name in project.models if name not in built or built[name].is_open}
    for dataset, loaded_at in loads:
        for model in project.affected(touched_by([dataset])) if dataset in DATASETS else ():
            check = built.get(model.qualified)
            if check and check.evaluated_at and check.evaluated_at < loaded_at:
                stale.add(model.qualified)
    return [name for name in project.models if name in stale]


def _is_current(project: Project, check: Check) -> bool:
    """Whether what a check is about still has its file."""
    if check.name == IS_BUILT:
        return check.subject in project.models
    return check.name in project.tests and check.subject == project.home_of(project.tests[check.name])


def _built(result: Built) -> Check:
    """What became of a model, as it is recorded."""
    failure = result.failure
    where = f" (line {failure.line})" if failure and failure.line else ""
    text, remedy = (f"{failure.reason}{where}.", failure.remedy) if failure else ("Built.", "")
    return Check(IS_BUILT, result.model.qualified, Kind.MODEL, Severity.ERROR, failure is None, None, text, remedy)


def _check(project: Project, tested: Tested) -> Check:
    """A verdict as it is recorded."""
    test = tested.test
    file = f"dbt_like_sql/tests/{test.name}.sql"
    text, remedy = "Holds.", ""
    if tested.failure:
        where = f" (line {tested.failure.line})" if tested.failure.line else ""
        text, remedy = f"It could not run: {tested.failure.reason}{where}.", tested.failure.remedy
    elif not tested.passed:
        columns = ", ".join(test.columns)
        meaning = "break it" if test.severity is Severity.ERROR else "deserve a look"
        text = f"{tested.violations:,} rows ({columns}) {meaning}."
        remedy = f"{test.description} To see the rows, paste {file} into DuckDB."
    subject, withholds = project.home_of(test), project.withheld_by(test)
    kept = (tested.passed, tested.violations, text, remedy, withholds)
    # A test that did not run says nothing of the numbers, whatever it declares.
    severity = Severity.ERROR if tested.failure else test.severity
    return Check(test.name, subject, Kind.MODEL, severity, *kept)


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
